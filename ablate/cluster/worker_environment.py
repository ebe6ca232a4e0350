"""What workers of a cluster need of the driver's environment: the variables below, by a file for its owner alone.

The file is in the study's folder of the store while a launch runs.  Nothing goes through Ray's runtime environment,
which the listing of jobs shows.
"""

import ctypes
import json
import os
from collections.abc import Mapping
from pathlib import Path

from ablate.cluster.ray_environment import DEFAULTS

PREFIXES = ("AWS_", "MLFLOW_S3_", "MLFLOW_TRACKING_", "MLFLOW_HTTP_REQUEST_")  # of MLflow's and S3's own variables
NAMES = (
    *("ABLATE_DATA", "ABLATE_CACHE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "no_proxy"),
)
MALLOC = {"MALLOC_TRIM_THRESHOLD_": -1, "MALLOC_MMAP_THRESHOLD_": -3}  # variable → parameter of glibc's mallopt


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of this environment that workers need."""
    named = {name: value for name, value in environment.items() if name in NAMES or name.startswith(PREFIXES)}
    return {**named, **{name: environment.get(name, DEFAULTS[name]) for name in MALLOC}}


def write_environment(file: Path) -> None:
    """Write the file for the workers of a launch."""
    from ablate.track.rest import variable_or_file

    given = variables(os.environ)
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        if value := variable_or_file(name):  # of ~/.mlflow/credentials, which other nodes may not see
            given[name] = value
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(given, out)


def apply_environment(file: Path) -> None:
    """Set the variables of the file in this process, if there is a file: a Ray of the launch itself needs none."""
    if not file.exists():
        return
    given = json.loads(file.read_text(encoding="utf-8"))
    os.environ.update(given)
    libc = ctypes.CDLL(None)
    for name, parameter in MALLOC.items():
        if hasattr(libc, "mallopt") and given.get(name, "").isdigit():
            libc.mallopt(parameter, int(given[name]))  # the variable itself is read only where a process starts
