"""How many packs fit side by side on the nodes of a cluster."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ablate.deferred import torch
from ablate.errors import StudyError
from ablate.study.model import Resources, Study

# Of NVIDIA, WSL and AMD; where none exists, torch is not imported to look for GPUs.
GPU_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


@dataclass(frozen=True)
class Node:
    """A machine of a cluster, or this one."""

    name: str
    cpus: float
    gpus: float

    def slots(self, wanted: Resources) -> int:
        """How many packs can run here side by side; a share of a GPU is a share of one GPU."""
        by_cpu = times(wanted.cpu, self.cpus)
        if not wanted.gpus:
            return by_cpu
        by_gpu = int(self.gpus) * times(wanted.gpus, 1) if wanted.gpus < 1 else times(wanted.gpus, self.gpus)
        return min(by_cpu, by_gpu)


def times(part: float, whole: float) -> int:
    """How often a part fits into a whole, robust to float rounding: 0.1 fits ten times into 1."""
    return int(whole / part + 1e-9)


def this_node() -> Node:
    """The cores that this process may use, and the GPUs that torch finds."""
    gpus = torch.cuda.device_count() if any(Path(device).exists() for device in GPU_DRIVERS) else 0
    return Node("this machine", len(os.sched_getaffinity(0)), gpus)


def placed(wanted: Resources, nodes: Sequence[Node]) -> Resources:
    """What a pack needs on these nodes: `auto` is one GPU where a node has any, and none where no node has."""
    if wanted.gpu != "auto" or not nodes:
        return wanted
    return wanted.model_copy(update={"gpu": 1.0 if any(node.gpus >= 1 for node in nodes) else 0.0})


def slots(nodes: Sequence[Node], study: Study) -> int:
    """How many packs can run side by side on all nodes.  Raises StudyError where no node has room for one."""
    wanted = placed(study.resources, nodes)
    if wanted.gpus > 1 and not wanted.gpus.is_integer():
        raise StudyError(
            f"a pack needs {wanted.gpus:g} GPUs",
            "set resources.gpu to a whole number, or to a part of one GPU",
            study.place("resources"),
        )
    total = sum(node.slots(wanted) for node in nodes)
    if not total:
        largest = max(nodes, key=lambda node: (node.gpus, node.cpus))
        raise StudyError(
            f"a pack needs {wanted.cpu:g} CPUs and {wanted.gpus:g} GPUs, and no node has as much: the largest,"
            f" {largest.name}, has {largest.cpus:g} and {largest.gpus:g}",
            f"reduce it, as in --set resources.gpu=0 --set resources.cpu={min(1, largest.cpus):g}",
            study.place("resources"),
        )
    return total
