"""The environment of trials: commit, package versions, device and host, found without importing the packages."""

import os
import platform
import re
import socket
import subprocess
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distributions, version
from pathlib import Path

PACKAGES = ("ablate", "torch", "ray", "mlflow", "optuna", "scikit-learn", "numpy")


def environment(device: str = "cpu", folder: Path | None = None) -> dict[str, str]:
    """`git` (the working directory's commit), `versions`, `device` (its product name) and `host`."""
    return {
        "git": commit(folder or Path.cwd()),
        "versions": versions(),
        "device": device_name(device),
        "host": socket.gethostname(),
    }


def versions(packages: Iterable[str] = PACKAGES) -> str:
    """`python 3.11.9, torch 2.15.0, ...`; packages that are not installed are left out."""
    found = [f"python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def installed() -> str:
    """This Python and every installed package, a line each, as `pip install -r` reads them."""
    packages = sorted({name_and_version(package) for package in distributions()}, key=str.lower)
    return "\n".join([f"# python {platform.python_version()} on {platform.platform()}", *packages, ""])


def name_and_version(package: Distribution) -> str:
    """`torch==2.15.0`, from the first lines of its metadata: to parse the description below them takes a second."""
    head = (package.read_text("METADATA") or package.read_text("PKG-INFO") or "").partition("\n\n")[0]
    found = dict(re.findall(r"^(Name|Version):[ \t]*(.*?)[ \t]*$", head, re.MULTILINE))
    return "==".join([found.get("Name", "unknown"), found.get("Version", "unknown")])


def commit(folder: Path) -> str:
    """The checked-out commit, with `+` where tracked files differ from it; `none` outside a repository."""
    head = _git(folder, "rev-parse", "HEAD")
    changed = head and _git(folder, "status", "--porcelain", "--untracked-files=no")
    return (head + "+" if changed else head) or "none"


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", folder, *arguments], capture_output=True, encoding="utf-8", errors="replace", timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def device_name(device: str) -> str:
    """`cuda: NVIDIA H200` or `cpu: <model>, <number> cores`, with the names that the kernel reports."""
    kind = device.partition(":")[0]
    models = _accelerators() if kind == "cuda" else _processors()
    return f"{kind}: {models}" if models else kind


def _accelerators() -> str:
    listed = Path("/proc/driver/nvidia/gpus").glob("*/information")
    return ", ".join(sorted({_after("Model:", file) for file in listed} - {""}))


def _processors() -> str:
    model = _after("model name", Path("/proc/cpuinfo")) or platform.machine()
    return f"{model}, {os.cpu_count()} cores"


def _after(label: str, file: Path) -> str:
    """The rest of the first line that begins with a label."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.removeprefix(label).strip(" \t:") for line in lines if line.startswith(label)), "")
