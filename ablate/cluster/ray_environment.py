"""What the environment means for Ray: the variables of its processes, its address and its temporary folder."""

import os
import re
import secrets
from collections.abc import Mapping

from ablate.errors import ServiceError, StudyError
from ablate.process import absolute_python_path

ALWAYS = {
    "PYTHONSAFEPATH": "1",  # Ray's own Python processes must not import from the working folder either
    "TUNE_MAX_PENDING_TRIALS_PG": "100000",  # else Tune starts one worker at a time; the dispatcher bounds their number
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else Ray sends the whole working folder to workers under `uv run`
}
DEFAULTS = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # else one trial without the metric ends them all
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # Tune's own snapshots are never restored
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # glibc otherwise returns every tensor of some MB to the kernel and faults its pages in again at the next step,
    # which was measured to cost a twelfth of the training time on a CPU.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20),
}
HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})")
SOCKET_LIMIT = 107  # bytes of a Unix socket's path
RAY_SOCKET = "ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"  # below the temporary folder


def cluster_address(given: str) -> str:
    """The address of the cluster that is meant: the one given, else RAY_ADDRESS; empty for a Ray of this launch.

    Raises StudyError where it is none, for which no waiting helps.
    """
    address = given or os.environ.get("RAY_ADDRESS", "")
    if address in ("", "local"):
        return ""
    found = HOST_AND_PORT.fullmatch(address)
    if address != "auto" and (not found or int(found[2]) >= 2**16):
        place = "--address" if given else "RAY_ADDRESS"
        raise StudyError("this is no address of a cluster", "write HOST:PORT, as head:6379", f"{place} {address}")
    return address


def ray_environment(address: str) -> Mapping[str, str]:
    """The conductor's environment, for the cluster at this address, or for a Ray on this machine where it is empty.

    Raises ServiceError where the environment would open a local Ray to everyone who reaches this machine.
    """
    environment = {**DEFAULTS, **os.environ, **ALWAYS, **absolute_python_path()}
    environment.pop("RAY_ADDRESS", None)  # the address is given by name
    return environment if address else {**environment, **local_ray(environment)}


def local_ray(environment: Mapping[str, str]) -> Mapping[str, str]:
    """What a local Ray needs: ports on the loopback interface, which answer only to this launch's own token."""
    mode = environment.get("RAY_AUTH_MODE", "token")
    if mode.lower() != "token":
        raise ServiceError(
            "without a token, every user of this machine could run programs through Ray's ports",
            "unset it, or set RAY_AUTH_MODE=token",
            f"RAY_AUTH_MODE={mode}",
        )
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        # The name is historical: on every system, 0 makes Ray use 127.0.0.1 as the node's address.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        # Tune's actors do not use the workers that Ray starts in advance, which cost a CPU second each.
        "RAY_prestart_worker_first_driver": "0",
    }


def long_temporary_folder() -> str:
    """The folder for temporary files, where its path is too long for the sockets that Ray makes below it; else ''."""
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    return folder if len(os.fsencode(f"{folder.rstrip('/')}/{RAY_SOCKET}")) > SOCKET_LIMIT else ""


def require_short_temporary_folder() -> None:
    """Raise ServiceError where Ray's sockets would have longer paths than the system takes."""
    if folder := long_temporary_folder():
        problem = f"Ray's sockets below this folder would have paths of more than {SOCKET_LIMIT} bytes"
        raise ServiceError(problem, "set RAY_TMPDIR=/tmp, or to another short path", folder)
