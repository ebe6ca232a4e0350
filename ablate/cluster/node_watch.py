"""The nodes of a cluster while a launch runs on it: how many packs run side by side follows them."""

from collections.abc import Callable

from ablate.cluster.dispatch import Dispatcher
from ablate.cluster.ray_cluster import nodes
from ablate.events import Message, NodesChanged
from ablate.study.model import Resources


class NodeWatch:
    """Sets a dispatcher's width to what the live nodes have room for, and announces every change."""

    def __init__(self, dispatcher: Dispatcher, wanted: Resources, count: int, send: Callable[[Message], None]) -> None:
        """`wanted` is what a pack asks for, `count` the number of nodes that the driver knows of."""
        self.dispatcher, self.wanted, self.count, self.send = dispatcher, wanted, count, send

    def look(self) -> None:
        """Called every few seconds; blocks where Ray's control store has died."""
        found = nodes()
        width = max(1, sum(node.slots(self.wanted) for node in found))  # with none, one pack waits for a node
        if (width, len(found)) != (self.dispatcher.width, self.count):
            self.dispatcher.width, self.count = width, len(found)
            self.send(NodesChanged(width, len(found)))
