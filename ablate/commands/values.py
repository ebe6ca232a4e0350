"""Reads the study and opens the store that the arguments of a command name."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ablate.paths import Store
    from ablate.study.model import Study


def read_study(study: str, profile: str | None, overrides: list[str] | None) -> "Study":
    from ablate.study.read import read_study as read

    return read(study, profile, tuple(overrides or ()))


def store_of(storage: Path | None) -> "Store":
    from ablate.api import store_of as store_at

    return store_at(storage)
