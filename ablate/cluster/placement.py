"""On which nodes of a cluster Ray places workers: on all but those that are excluded."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from ray import tune

from ablate.study.model import Resources

NODE_ID = "ray.io/node-id"  # a label that Ray gives every node


class Placement:
    """The nodes on which no worker is placed from now on; a worker that is there stays."""

    def __init__(self) -> None:
        self.excluded: tuple[str, ...] = ()  # ids

    def exclude(self, nodes: Iterable[str]) -> None:
        self.excluded = tuple(sorted(nodes))

    def request(self, wanted: Resources) -> tune.PlacementGroupFactory:
        """What Ray is asked for the worker of one pack."""
        bundle = {"CPU": wanted.cpu, **({"GPU": wanted.gpus} if wanted.gpus else {})}
        if not self.excluded:
            return tune.PlacementGroupFactory([bundle])
        selector = {NODE_ID: f"!in({','.join(self.excluded)})"}
        return tune.PlacementGroupFactory([bundle], bundle_label_selector=[selector])


PLACEMENT = Placement()  # of this process: Tune pickles what it is given, and a function of a module by its name


def request(wanted: Resources, config: Any) -> tune.PlacementGroupFactory:
    return PLACEMENT.request(wanted)


def placed_by_request(wanted: Resources) -> Any:
    """A function of a worker's configuration, which Tune calls for each pack."""
    return partial(request, wanted)
