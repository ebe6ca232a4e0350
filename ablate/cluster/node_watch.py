"""The nodes of a cluster while a launch runs on it: those that join are checked, and what runs follows them."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from ablate.cluster.dispatch import Dispatcher
from ablate.cluster.node_report import NodeReport
from ablate.cluster.placement import Placement
from ablate.cluster.ray_cluster import live_nodes, node_lives, of_ray
from ablate.events import Message, NodeRefused, NodesChanged
from ablate.study.model import Resources

AGAIN = 60.0  # seconds after which a node that a service did not answer is checked again
Check = Callable[[Sequence[Any]], list[NodeReport]]  # nodes as Ray lists them → the reports of those that are alive


class NodeWatch:
    """Sets a dispatcher's width to what the fit nodes have room for, and announces every change.

    A node that joins is checked as the first ones were, and no worker is placed on it before or where it does not fit.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        wanted: Resources,
        first: Sequence[Any],
        check: Check,
        placement: Placement,
        send: Callable[[Message], None],
    ) -> None:
        """`wanted` is what a pack asks for; `first` are the nodes that were checked before, as Ray lists them."""
        self.dispatcher, self.wanted, self.send = dispatcher, wanted, send
        self.check, self.placement = check, placement
        self.count = len(first)
        self.fit = {node["NodeID"] for node in first}
        self.refused: dict[str, float] = {}  # id → when it is checked again
        self.told: set[tuple[str, str]] = set()  # node and problem
        self.checking: dict[str, threading.Thread] = {}  # id → its check
        dispatcher.node_lives = self.is_used

    def is_used(self, node: str) -> bool:
        """Whether a worker that died there has not died with its node, or since its node does not fit."""
        return node_lives(node) and (not node or node in self.fit)

    def look(self) -> None:
        """Called every few seconds; blocks where Ray's control store has died."""
        found = live_nodes()
        self.placement.exclude(node["NodeID"] for node in found if node["NodeID"] not in self.fit)
        fit = [node for node in found if node["NodeID"] in self.fit]
        width = max(1, sum(of_ray(node).slots(self.wanted) for node in fit))  # with none, one pack waits for a node
        if (width, len(fit)) != (self.dispatcher.width, self.count):
            self.dispatcher.width, self.count = width, len(fit)
            self.send(NodesChanged(width, len(fit)))
        now = time.monotonic()
        for node in found:
            if node not in fit and self.refused.get(node["NodeID"], now) <= now:
                self.start_check(node)

    def start_check(self, node: Any) -> None:
        """Check a node that has joined, in a thread of its own, unless it is being checked.

        That takes seconds, and minutes where it fetches data: other nodes do not wait for it, nor does the heartbeat
        that follows the look.
        """
        running = self.checking.get(node["NodeID"])
        if running is None or not running.is_alive():
            self.checking[node["NodeID"]] = threading.Thread(target=self.check_joined, args=(node,), daemon=True)
            self.checking[node["NodeID"]].start()

    def check_joined(self, node: Any) -> None:
        """Check a node that has joined; one that fits is used from the next look on."""
        for report in self.check([node]):  # none where it has died meanwhile
            if not report.problem:
                self.fit.add(node["NodeID"])
                continue
            self.refused[node["NodeID"]] = time.monotonic() + AGAIN if report.away else float("inf")
            if (node["NodeID"], report.problem) not in self.told:
                self.told.add((node["NodeID"], report.problem))
                self.send(NodeRefused(report.node, report.problem, report.remedy))
