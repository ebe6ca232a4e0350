"""Which variables of an environment hold secrets, and the file of mode 0600 by which a job gets them."""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

SECRET_NAME = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN(?!IZ)|CREDENTIAL|API_KEY|ACCESS_KEY)", re.IGNORECASE)
NOT_SECRET = re.compile(r"(_FILE|_PATH|_NAME)$", re.IGNORECASE)  # they say where a secret is


def is_secret(name: str, value: str) -> bool:
    """Whether a variable holds a secret, by its name or as an address with a password."""
    by_name = SECRET_NAME.search(name) is not None and NOT_SECRET.search(name) is None
    return by_name or _has_password(value)


def _has_password(value: str) -> bool:
    try:
        return urlsplit(value).password is not None
    except ValueError:
        return False


def secrets_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment that hold secrets, of those that a shell can set."""
    return {name: value for name, value in environment.items() if name.isidentifier() and is_secret(name, value)}


def write_secrets(file: Path, variables: Mapping[str, str]) -> None:
    """Replace the file by one for its owner alone, which a shell reads; there is none where there are no variables."""
    file.unlink(missing_ok=True)
    if not variables:
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as out:
        out.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
