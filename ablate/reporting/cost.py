"""What a study's trials took and ran on, and what their failures have in common."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ablate.stats.results import Result
from ablate.study.model import Budget

MAX_CAUSE = 200  # characters


@dataclass(frozen=True)
class Failures:
    """Trials that failed for the same cause."""

    cause: str  # the reason, with numbers that differ between trials as `#`
    keys: tuple[str, ...]  # of the trials
    name: str  # of the first
    variant: str = ""  # the key of its variant
    seed: int = 0  # its seed


def costs(results: Sequence[Result], budget: Budget | None = None) -> Iterator[tuple[str, str]]:
    """(Name, text) of the device-hours, devices, package versions and commits of the trials that have run."""
    ran = [result for result in results if result.seconds is not None]
    if ran:
        hours = sum(result.seconds or 0.0 for result in ran) / 3600
        most = f" of a budget of {budget.device_hours:g}" if budget is not None else ""
        yield "Cost", f"{hours_text(hours)} device-hours{most} for {len(ran)} trials; trials of a pack share a device"
    for name, tag in (("Devices", "device"), ("Versions", "versions"), ("Commits", "git"), ("Hosts", "host")):
        counts = Counter(result.environment[tag] for result in ran if result.environment.get(tag))
        if counts:
            several = len(counts) > 1
            yield name, "; ".join(f"{text} ({count} trials)" if several else text for text, count in counts.items())


def hours_text(hours: float) -> str:
    """Hours with two digits: 0.034, 1.2, 120."""
    return f"{hours:.2g}" if hours < 100 else f"{hours:.0f}"


def failures(results: Sequence[Result], metric: str) -> tuple[Failures, ...]:
    """The failed trials by cause, the most frequent first."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        if (reason := result.failure(metric)) is not None:
            groups.setdefault(cause_of(reason), []).append(result)
    found = [
        Failures(cause, tuple(one.key for one in group), group[0].trial.name, group[0].variant, group[0].seed)
        for cause, group in groups.items()
    ]
    return tuple(sorted(found, key=lambda one: -len(one.keys)))


def cause_of(reason: str) -> str:
    """The reason on one line without what differs between trials: addresses, paths and numbers."""
    line = " ".join(reason.split())
    line = re.sub(r"0x[0-9a-fA-F]+|\b[0-9a-f]{12,}\b", "#", line)
    line = re.sub(r"(?<![\w.])(/[\w.+-]+){2,}", "…", line)
    line = re.sub(r"(?<![A-Za-z_])\d+(\.\d+)?(e[+-]?\d+)?", "#", line)
    return line if len(line) <= MAX_CAUSE else f"{line[:MAX_CAUSE]}…"
