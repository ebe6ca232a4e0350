"""The proposals of a search as it has recorded them: settings, how they ended, scores by seed, and cost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from ablate.events import State
from ablate.options import Value
from ablate.reporting.report import Cell, Table
from ablate.reporting.tables import table_of
from ablate.stats.estimate import Estimate
from ablate.stats.results import Result
from ablate.study.model import Study


class ProposalState(StrEnum):
    """How a proposal ended."""

    OPEN = "open"
    COMPLETE = "complete"  # all seeds have values of all objectives and constraints
    PRUNED = "pruned"
    FAILED = "failed"


@dataclass(frozen=True)
class Proposal:
    """A setting that a search proposed, and the results of its seeds."""

    number: int  # from 0, as in the figures of Optuna
    levels: Mapping[str, Value]
    state: ProposalState
    scores: Mapping[str, tuple[float, ...]]  # metric of an objective or a constraint → score of each seed
    seconds: float | None  # on devices, of all seeds; None where none has ended
    started: float | None  # seconds since the epoch
    ended: float | None

    @cached_property
    def means(self) -> dict[str, Estimate]:
        return {metric: Estimate.of(values) for metric, values in self.scores.items()}


def proposals_of(study: Study, results: Sequence[Result]) -> tuple[Proposal, ...]:
    """The proposals in their order; `results` are those with the seeds of the search."""
    if study.search is None:
        return ()
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.variant, []).append(result)
    metrics = study.search.metrics
    return tuple(proposal(number, group, metrics) for number, group in enumerate(groups.values()))


def proposal(number: int, seeds: Sequence[Result], metrics: Sequence[str]) -> Proposal:
    """One proposal, from the results of all its seeds."""
    scores = {metric: tuple(score for one in seeds if (score := one.score(metric)) is not None) for metric in metrics}
    seconds = [one.seconds for one in seeds if one.seconds is not None]
    started = [one.started for one in seeds if one.started is not None]
    ended = [one.ended for one in seeds if one.ended is not None]
    return Proposal(
        number,
        seeds[0].levels,
        state_of(seeds, scores),
        scores,
        math.fsum(seconds) if seconds else None,
        min(started, default=None),
        max(ended, default=None),
    )


def state_of(seeds: Sequence[Result], scores: Mapping[str, Sequence[float]]) -> ProposalState:
    if any(one.state is State.PRUNED for one in seeds):
        return ProposalState.PRUNED
    if not all(one.state.ended for one in seeds):
        return ProposalState.OPEN
    complete = all(len(values) == len(seeds) for values in scores.values())
    return ProposalState.COMPLETE if complete else ProposalState.FAILED


def proposals_table(proposals: Sequence[Proposal]) -> Table:
    """A row per proposal: settings, state, each objective with its interval over seeds, and device-seconds."""
    if not proposals:
        return Table()
    paths = dict.fromkeys(path for one in proposals for path in one.levels)
    columns: list[tuple[str, Sequence[Cell]]] = [
        ("proposal", [one.number for one in proposals]),
        ("state", [str(one.state) for one in proposals]),
        *((path, [plain(one.levels.get(path)) for one in proposals]) for path in paths),
        ("device_seconds", [one.seconds for one in proposals]),
    ]
    for metric in proposals[0].scores:
        columns.append((metric, [one.means[metric].mean for one in proposals]))
        columns.append((f"{metric}.low", [one.means[metric].low for one in proposals]))
        columns.append((f"{metric}.high", [one.means[metric].high for one in proposals]))
        columns.append((f"{metric}.n", [one.means[metric].n for one in proposals]))
    return table_of(columns)


def plain(level: Value) -> Cell:
    """A level in a table of values."""
    return str(level) if isinstance(level, bool) else level
