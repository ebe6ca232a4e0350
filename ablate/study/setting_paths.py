"""Checks of dotted paths to settings: `method.k`, `training.epochs`, `probes.linear.epochs`."""

import re
from collections.abc import Iterable, Mapping, Sequence

from ablate.errors import StudyError
from ablate.options import Option
from ablate.registry import closest, suggest
from ablate.study.assignments import METHOD_AND_DATASET
from ablate.trial import short


def check_axis(path: str) -> None:
    """Raise StudyError for a path that may be fixed but not varied."""
    if path.startswith("probes."):
        problem = f"'{path}' cannot vary: a probe's settings belong to the scores, not to the trials"
        raise StudyError(problem, "fix it, or write one study for each value")


def check_path(path: str, known: Mapping[str, Sequence[Option]], probes: Sequence[str]) -> None:
    """Raise StudyError for a path that is not in `known`, with a suggestion.

    `known` holds the options at each path of the case, `probes` the probes that the study uses.
    """
    if path in known:
        return
    check_former_name(path, known)
    parts = [part for part in re.split(r"[\s,;+&|]+", path) if part]
    if len(parts) > 1:
        raise StudyError(f"'{path}' names {len(parts)} settings", "write one path for each")
    with_last_word = [other for other in known if short(other) == path]
    of_trials = [other for other in with_last_word if not other.startswith("probes.")]
    with_last_word = of_trials or with_last_word
    if len(with_last_word) > 1:
        meanings = " or ".join(f"'{other}'" for other in with_last_word)
        raise StudyError(f"'{path}' could be {meanings}", "write the one you mean in full")
    if with_last_word:
        raise StudyError(f"no setting is called '{path}'", f"did you mean '{with_last_word[0]}'?")
    raise StudyError(*unknown_setting(path, known, probes))


def check_former_name(path: str, known: Mapping[str, Sequence[Option]]) -> None:
    """Raise StudyError for a path that ends in the former name of a renamed option."""
    for other, options in known.items():
        if any(option.former and f"{other.removesuffix(option.name)}{option.former}" == path for option in options):
            raise StudyError(f"'{path}' was renamed", f"write '{other}'")


def unknown_setting(path: str, known: Mapping[str, Sequence[Option]], probes: Sequence[str]) -> tuple[str, str]:
    """Problem and remedy of a path that no setting has."""
    section, _, rest = path.partition(".")
    probe = rest.partition(".")[0]
    if section == "probes" and probe not in probes:
        return f"'{path}' sets a probe that this study does not use", f"choose from {', '.join(probes)}"
    return f"no setting is called '{path}'", suggest_setting(path, known)


def suggest_setting(path: str, known: Iterable[str]) -> str:
    """The remedy for an unknown path: the most similar known one.

    In a known section (`method.`, `probes.linear.`) only the names behind it are compared: with the section before them
    all paths would be similar.
    """
    prefix = f"{path.rpartition('.')[0]}."
    names = {other.removeprefix(prefix): other for other in known if other.startswith(prefix) and prefix != "."}
    if not names:
        remedy = suggest(path, (*known, *METHOD_AND_DATASET))
        return remedy if remedy.startswith("did") else "begin with 'method.', 'training.' or 'probes.'"
    near = closest(path.removeprefix(prefix), names)
    return f"did you mean '{names[near]}'?" if near else f"choose from {', '.join(sorted(names.values()))}"
