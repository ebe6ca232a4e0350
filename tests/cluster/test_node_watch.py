"""Nodes that join a cluster while a launch runs: each is checked by itself."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from ablate.cluster import node_watch
from ablate.cluster.dispatch import Dispatcher
from ablate.cluster.node_report import NodeReport
from ablate.cluster.node_watch import NodeWatch
from ablate.cluster.placement import Placement
from ablate.events import Message, NodesChanged
from ablate.launch_config import LaunchConfig
from ablate.study.model import Resources

from ..services.waiting import wait_until


def node(name: str) -> dict[str, Any]:
    """A node of one CPU, as Ray lists it."""
    return {"NodeID": name, "NodeName": name, "Alive": True, "Resources": {"CPU": 1.0}}


def test_a_node_that_joins_is_used_while_another_one_is_still_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    found, sent, end = [node("first")], list[Message](), threading.Event()
    checks: list[str] = []

    def check(joined: Sequence[Any]) -> list[NodeReport]:
        checks.extend(one["NodeName"] for one in joined)
        if any(one["NodeName"] == "slow" for one in joined):
            end.wait()
        return [NodeReport(one["NodeName"], {}, {}) for one in joined]

    monkeypatch.setattr(node_watch, "live_nodes", lambda: found)
    config = LaunchConfig("store", "http://127.0.0.1:1", "study.yaml", (), {}, {}, 5.0)
    dispatcher = Dispatcher(config, Resources(), None, sent.append, lambda: False, lambda trial, state, reason: None)
    dispatcher.width = 1
    watch = NodeWatch(dispatcher, Resources(), found, check, Placement(), sent.append)
    try:
        found = [*found, node("slow")]
        watch.look()
        found = [*found, node("fast")]
        watch.look()
        wait_until(lambda: "fast" in watch.fit, lambda: str(checks))
        watch.look()
        assert sent == [NodesChanged(2, 2)]
        assert checks == ["slow", "fast"]  # neither again
    finally:
        end.set()
    wait_until(lambda: "slow" in watch.fit, lambda: str(checks))
    watch.look()
    assert sent[1:] == [NodesChanged(3, 3)]
