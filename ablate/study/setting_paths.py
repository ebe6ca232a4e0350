"""Dotted paths to settings: `method.k`, `training.epochs`, `probes.linear.epochs`."""

import re
from collections.abc import Collection, Sequence

from ablate.errors import StudyError
from ablate.registry import suggest
from ablate.study.assignments import WHOLE
from ablate.trial import short


def check_axis(path: str) -> None:
    """Raise StudyError for a path that may be fixed but not varied."""
    if path.startswith("probes."):
        problem = f"'{path}' cannot vary: a probe scores trials and makes none"
        raise StudyError(problem, "fix it, or write one study for each value")


def check_path(path: str, known: Collection[str], probes: Sequence[str]) -> None:
    """Raise StudyError for a path that leads to no setting, naming the one that was probably meant."""
    if path in known:
        return
    parts = [part for part in re.split(r"[\s,;+&|]+", path) if part]
    if len(parts) > 1:
        raise StudyError(f"'{path}' names {len(parts)} settings", "write one path for each")
    alike = [other for other in known if short(other) == path]
    if len(alike) > 1:
        meanings = " or ".join(f"'{other}'" for other in alike)
        raise StudyError(f"'{path}' could be {meanings}", "write the one you mean in full")
    if alike:
        raise StudyError(f"no setting is called '{path}'", f"did you mean '{alike[0]}'?")
    section, _, rest = path.partition(".")
    probe = rest.partition(".")[0]
    if section == "probes" and probe not in probes:
        raise StudyError(f"'{path}' sets a probe that this study does not use", f"choose from {', '.join(probes)}")
    near = [other for other in known if other.startswith(f"{section}.")]
    remedy = suggest(path, near or (*known, *WHOLE))
    if not near and remedy.startswith("choose"):
        remedy = "begin with 'method.', 'training.' or 'probes.'"
    raise StudyError(f"no setting is called '{path}'", remedy)
