"""The MLflow server that the environment names, and whether the variables that concern it can be used at all."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from ablate.errors import StudyError
from ablate.track.client import redact

VARIABLE = "MLFLOW_TRACKING_URI"
SCHEMES = ("http", "https", "databricks")
FILES = ("MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_CLIENT_CERT_PATH")


def named_server() -> str:
    """The address of the server that the environment names; empty where it names none.

    Raises StudyError where the address, or another variable of MLflow that is sent with it, cannot be used.
    """
    uri = os.environ.get(VARIABLE, "")
    if uri:
        check_address(uri)
        check_variables()
    return uri


def check_address(uri: str) -> None:
    """Raise StudyError unless this can be the address of an MLflow server."""
    place = f"{VARIABLE}={redact(uri)}"
    try:
        parts = urlsplit(uri)
        whole = bool(parts.hostname) or parts.scheme == "databricks"
        _ = parts.port  # an error where it is none
    except ValueError:
        raise StudyError("this is no address", "write one, as http://host:5000", place) from None
    if parts.scheme not in SCHEMES:
        raise StudyError("this is not a server", "start `mlflow server` on it and give its http address", place)
    if not whole:
        raise StudyError("this address names no host", "write one, as http://host:5000", place)


def check_variables() -> None:
    """Raise StudyError for a token that no request can carry, and for a certificate that does not exist."""
    token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
    if not (token.isascii() and token.isprintable()):
        problem = "this token holds a line break or a letter that is not ASCII"
        raise StudyError(problem, "set it anew, without quotes or spaces around it", "MLFLOW_TRACKING_TOKEN")
    for name in FILES:
        if (given := os.environ.get(name)) and not Path(given).exists():
            raise StudyError("there is no such file", "correct the path, or unset the variable", f"{name}={given}")
