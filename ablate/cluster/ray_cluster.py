"""Starting Ray on this machine or joining a cluster, and what is there."""

import logging
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import psutil
import ray

from ablate.errors import ServiceAway, ServiceError
from ablate.planning.resources import Node
from ablate.process import Process, identify

START = 300.0  # seconds in which Ray may be started again where it was too slow
ANSWER = 60.0  # seconds in which a cluster has to accept a connection
POLL = 1.0  # seconds between two tries: a port does not notify of a change


def start_ray(address: str, slow: Callable[[], None]) -> None:
    """Join a cluster, or start Ray on this machine, which ends with this process; `slow` is called at every new try.

    Raises ServiceError where that is not possible.
    """
    folder = Path.cwd()
    os.chdir("/")  # Ray puts the folder in which it is started on the path from which its workers import
    try:
        if address:
            join(address)
        else:
            start_local(slow)
    finally:
        os.chdir(folder)


def join(address: str, patience: float = ANSWER) -> None:
    """Join a cluster.  Raises ServiceAway where nothing listens there for `patience` seconds, or Ray refuses."""
    try:
        await_listener(address, patience)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # ConnectionError, ValueError, RuntimeError and Ray's own
        remedy = "check that the cluster runs, with the same versions of Ray and Python as here"
        raise ServiceAway(f"the Ray cluster does not answer: {first_line(error)}", remedy, address) from error


def start_local(slow: Callable[[], None]) -> None:
    """Start Ray.  Ray gives its agents 15 s and its node 30 s, which a busy machine exceeds: then it is started again.

    That is not counted as a death of Ray, of which a launch survives a few.
    """
    cores = len(os.sched_getaffinity(0))
    settings: dict[str, Any] = {"num_cpus": cores, "object_store_memory": 100 * 2**20, "include_dashboard": False}
    until = time.monotonic() + START
    while True:
        try:
            with without_unused_processes():
                ray.init(address="local", log_to_driver=False, logging_level=logging.ERROR, **settings)
            return
        except Exception as error:  # Ray raises errors of many types here, RuntimeError among them
            end_started()
            if not too_slow(error) or time.monotonic() > until:
                remedy = "read the log, and see whether another program uses the whole processor, memory or disk"
                raise ServiceError(f"Ray does not start: {first_line(error)}", remedy, "this machine") from error
            slow()


def too_slow(error: Exception) -> bool:
    """Whether Ray has given up on a process of its own that needed more time, as its messages say in several ways."""
    return isinstance(error, TimeoutError) or re.search("timed ?out", str(error), re.IGNORECASE) is not None


def await_listener(address: str, patience: float = ANSWER) -> None:
    """Wait until a process listens at an address `host:port`.  Ray itself would ask for many minutes.

    Raises OSError where none does in `patience` seconds.
    """
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or "/" in host:
        return  # `auto`, or an address of Ray's client
    until = time.monotonic() + patience
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=min(10.0, patience)).close()
            return
        except (OSError, OverflowError):
            if time.monotonic() > until:
                raise
        time.sleep(POLL)


@contextmanager
def without_unused_processes() -> Iterator[None]:
    """Let `ray.init` start neither autoscaler, log monitor nor Jobs server, which a local Ray does not use.

    They cost four CPU seconds of each start.  `ray.init` has no option for them, only the parameters that it makes of
    its options and a method of its node; where another version of Ray has others, all are started.
    """
    absent = {"no_monitor": True, "include_log_monitor": False}
    with ExitStack() as given:
        with suppress(ImportError, AttributeError, TypeError, ValueError):
            module = import_module("ray._private.parameter")
            if absent.keys() <= signature(module.RayParams).parameters.keys():
                given.enter_context(replaced(module, "RayParams", partial(module.RayParams, **absent)))
        with suppress(ImportError, AttributeError):
            node = import_module("ray._private.node").Node
            given.enter_context(replaced(node, "start_api_server", lambda self, **options: None))
        yield


@contextmanager
def replaced(place: Any, name: str, value: Any) -> Iterator[None]:
    """Give a module or class another attribute for a while.  Raises AttributeError where it has none of this name."""
    given = getattr(place, name)
    setattr(place, name, value)
    try:
        yield
    finally:
        setattr(place, name, given)


def end_started() -> None:
    """End the processes of a Ray that has not started."""
    with suppress(Exception):
        ray.shutdown()
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()


def first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def live_nodes() -> list[Any]:
    """The nodes of the cluster that are alive, as Ray lists them."""
    return [node for node in ray.nodes() if node["Alive"]]


def of_ray(node: Any) -> Node:
    return Node(node["NodeName"], node["Resources"].get("CPU", 0), node["Resources"].get("GPU", 0))


def nodes() -> list[Node]:
    """The nodes of the cluster that are alive."""
    return [of_ray(node) for node in live_nodes()]


def node_lives(node: str) -> bool:
    """Whether the node with this id of Ray's is alive; one that is not known, of a worker that never began, is."""
    return not node or any(found["NodeID"] == node and found["Alive"] for found in ray.nodes())


def nodes_at(address: str, patience: float = ANSWER) -> tuple[Node, ...]:
    """The nodes of a cluster that this process joins for the answer.  Raises ServiceError where it does not answer."""
    join(address, patience)
    try:
        return tuple(nodes())
    finally:
        ray.shutdown()


def local_ray_processes() -> list[Process]:
    """Ray's raylet and control store, where this process started them."""
    children = psutil.Process().children(recursive=True)
    return [identify(child.pid) for child in children if child.name() in ("raylet", "gcs_server")]
