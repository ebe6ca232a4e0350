"""The process that uses Ray: it starts or joins a cluster and lets Ray Tune schedule the packs of a launch.

It is a separate process because Ray can hang without raising an exception (where its control store has died), and
prints to both standard streams.  The driver writes the launch's configuration to its standard input (it may hold a
password, which thus is in no file), reads one message per line from its standard output, and kills it where none comes.
"""

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TextIO

from ablate.errors import AblateError, from_system, is_full_disk
from ablate.events import MESSAGES, Heartbeat, Joined, Message, Over, Refused, WaitingForNodes
from ablate.launch_config import CLUSTER_REQUEST, LAUNCH_CONFIG, LaunchConfig
from ablate.process import Process, alive, end_with_parent

HEARTBEAT = 2.0  # seconds between two heartbeats
LOST = 75  # exit code where Ray or the driver has died; Python itself exits with 1 after an exception
Send = Callable[[Message], None]


def conduct(address: str, configuration: TextIO, send: Send) -> None:
    """Run the launch on Ray.  Ray and its users are imported here, so that their errors are reported."""
    import ray

    from ablate.cluster.ray_cluster import local_ray_processes, start_ray
    from ablate.cluster.rounds import run_launch

    start_ray(address, lambda: send(Heartbeat()))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # batch systems signal all processes; the driver ends this one
    run: Callable[..., None] = run_launch
    if address:
        from ablate.cluster.joining import NodeCheck, joined_reports, require_cluster

        request = CLUSTER_REQUEST.decode(await_line(configuration))
        checked = require_cluster(request, lambda found: send(WaitingForNodes(found)))
        run = partial(run_launch, checked=checked, check_joined=partial(joined_reports, check=NodeCheck.of(request)))
        send(Joined(len(checked)))
    ray_processes = local_ray_processes()
    try:
        run(await_config(configuration), send, partial(send_heartbeats, send, ray_processes))
    except AblateError:
        raise
    except Exception:  # raised again, unless Ray has died
        if not all(alive(process) for process in ray_processes):  # Ray has died: whatever followed says less
            traceback.print_exc()
            os._exit(LOST)
        raise
    send(Over())
    ray.shutdown()


def send_heartbeats(send: Send, ray_processes: Sequence[Process], look_at_nodes: Callable[[], None]) -> None:
    """Send heartbeats while Ray's processes run, then end this process, whatever its other threads wait for.

    Looking at the nodes of a remote cluster, which has no process here, blocks where its control store has died: then
    no heartbeat is sent, and the driver kills this process.
    """
    while all(alive(process) for process in ray_processes):
        if not ray_processes:
            look_at_nodes()
        send(Heartbeat())
        time.sleep(HEARTBEAT)
    os._exit(LOST)


def await_config(configuration: TextIO) -> LaunchConfig:
    """The launch's configuration, once the driver has written it."""
    return LAUNCH_CONFIG.decode(await_line(configuration))


def await_line(configuration: TextIO) -> str:
    """The next line that the driver writes; ends this process where it will not."""
    line = configuration.readline()
    if not line.endswith("\n"):
        os._exit(LOST)
    return line


def sender_to(out: TextIO) -> Send:
    """A function that writes messages to a file, callable from several threads; ends the process with its reader."""
    lock = threading.Lock()

    def send(message: Message) -> None:
        with lock:
            try:
                out.write(MESSAGES.encode(message) + "\n")
                out.flush()
            except OSError:  # the driver is gone
                os._exit(LOST)

    return send


def refusal_of(error: BaseException) -> Refused:
    """The exception that ends a launch, as the driver is told it."""
    if is_full_disk(error):
        error = from_system(error) or error
    if isinstance(error, AblateError):
        return Refused(error.problem, error.remedy, error.place, error.exit_code)
    return Refused(f"the conductor failed: {type(error).__name__}: {error}".splitlines()[0], "read the log", "", 1)


def main() -> None:
    """Run a launch; the arguments are the driver's PID, and the address of a cluster or nothing."""
    end_with_parent(int(sys.argv[1]))
    configuration = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")  # the driver's pipe; other output goes to the log
    os.dup2(2, 1)
    send = sender_to(out)
    try:
        conduct(sys.argv[2], configuration, send)
    except BaseException as error:  # SystemExit too: a module that a user installed may raise it
        with suppress(OSError):  # the log's disk may be full
            traceback.print_exc()
        send(refusal_of(error))
    os._exit(0)  # at once: Ray's processes end with this one


if __name__ == "__main__":
    main()
