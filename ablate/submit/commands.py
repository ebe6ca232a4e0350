"""Runs the command line tools of a cluster."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence

from ablate.errors import ServiceError


def run_tool(
    arguments: Sequence[str], remedy: str, text: str | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """What a tool prints, which gets this process's environment where none is given.

    Raises ServiceError where it is not installed or fails, with its last line.
    """
    if shutil.which(arguments[0]) is None:
        raise ServiceError(f"the command '{arguments[0]}' is not installed", remedy)
    done = subprocess.run(
        arguments, input=text, env=environment, capture_output=True, encoding="utf-8", errors="replace"
    )
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"it exited with {done.returncode}"]
        raise ServiceError(lines[-1], remedy, arguments[0])
    return done.stdout


def start_tool(arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Start a tool whose output is read while it runs."""
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, encoding="utf-8", errors="replace")
