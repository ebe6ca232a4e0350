"""What a pack asks for, and what there is."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ablate.errors import StudyError
from ablate.study.model import Resources, Study


@dataclass(frozen=True)
class Node:
    """One machine of a cluster, or this one."""

    name: str
    cpus: float
    gpus: float

    def slots(self, wanted: Resources) -> int:
        """How many packs can run here side by side."""
        by_cpu = fits(wanted.cpu, self.cpus)
        if not wanted.gpu:
            return by_cpu
        by_gpu = int(self.gpus) * fits(wanted.gpu, 1) if wanted.gpu < 1 else fits(wanted.gpu, self.gpus)
        return min(by_cpu, by_gpu)  # a share of a GPU is of one


def fits(part: float, whole: float) -> int:
    """How often a part goes into a whole: 0.1 ten times into 1, whatever floats say."""
    return int(whole / part + 1e-9)


def this_node() -> Node:
    """The cores that this process may use, and the GPUs that torch sees."""
    import torch

    return Node("this machine", len(os.sched_getaffinity(0)), torch.cuda.device_count())


def slots(nodes: Sequence[Node], study: Study) -> int:
    """How many packs can run side by side.  Raises StudyError where no node can run even one."""
    wanted = study.resources
    if wanted.gpu > 1 and not wanted.gpu.is_integer():
        raise StudyError(
            f"a pack asks for {wanted.gpu:g} GPUs", "ask for whole GPUs, or for a part of one", study.place("resources")
        )
    total = sum(node.slots(wanted) for node in nodes)
    if not total:
        largest = max(nodes, key=lambda node: (node.gpus, node.cpus))
        raise StudyError(
            f"a pack asks for {wanted.cpu:g} CPUs and {wanted.gpu:g} GPUs, and no node has as much: the largest,"
            f" {largest.name}, has {largest.cpus:g} and {largest.gpus:g}",
            f"ask for less, as in --set resources.gpu=0 --set resources.cpu={min(1, largest.cpus):g}",
            study.place("resources"),
        )
    return total
