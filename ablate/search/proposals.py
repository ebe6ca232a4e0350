"""Optuna's part: which settings to try, remembered in a journal beside the checkpoints."""

import math
import os
import statistics
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from ablate.errors import StudyError
from ablate.options import Value
from ablate.planning.resolve import propose, space
from ablate.study.model import Choices, Range, Study
from ablate.trial import Trial, digest

Levels = Mapping[str, Value]  # path → level


class Proposals:
    """Settings to try, each over all seeds; Optuna is told once what became of them.

    A proposal that a killed launch left open is taken up again: its seeds that ended are in `values`, the others run.
    The sampler of each proposal is seeded by the proposal's number, so that a resumed search does not start over.
    Only who owns the study may make one.
    """

    def __init__(self, study: Study, journal: Path, values: Mapping[str, float | None]) -> None:
        assert study.search is not None
        self.study, self.search = study, study.search
        self.metric = next(iter(self.search.objectives))
        self.values = dict(values)  # key → objective; None where the trial failed
        mend(journal)
        self.memory = open_memory(study, journal)
        self.space = {path: distribution(part) for path, part in space(study).items()}
        self.most = min(self.search.trials, math.prod(levels(part) for part in self.space.values()))
        self.open: dict[int, tuple[Trial, ...]] = {}  # proposal → the trials that it waits for
        self.discard_half_made()
        self.left_open = [frozen for frozen in self.made if self.running(frozen.number) or self.missing(frozen.params)]

    @property
    def over(self) -> bool:
        return not self.open and not self.left_open and len(self.made) >= self.most

    @property
    def made(self) -> list[FrozenTrial]:
        return made(self.memory, self.space)

    def discard_half_made(self) -> None:
        """Close what a killed launch had begun to propose."""
        numbers = {frozen.number for frozen in self.made}
        for frozen in self.memory.trials:
            if frozen.state == TrialState.RUNNING and frozen.number not in numbers:
                self.memory.tell(frozen.number, state=TrialState.FAIL)

    def running(self, number: int) -> bool:
        """Whether Optuna waits to be told of a proposal."""
        return self.memory.get_trials(deepcopy=False)[number].state == TrialState.RUNNING

    def missing(self, params: Levels) -> tuple[Trial, ...]:
        """The trials of a setting that have no result."""
        return tuple(trial for trial in propose(self.study, params) if trial.key not in self.values)

    def next(self) -> tuple[Trial, ...]:
        """The trials of the next proposal that have no result yet; none where all proposals are made."""
        while (proposal := self.take_up() or self.ask()) is not None:
            number, params = proposal
            self.open[number] = propose(self.study, params)
            if missing := self.missing(params):
                return missing
            self.settle(number)
        return ()

    def take_up(self) -> tuple[int, Levels] | None:
        """A proposal that an earlier launch left open."""
        if not self.left_open:
            return None
        frozen = self.left_open.pop(0)
        return frozen.number, frozen.params

    def ask(self) -> tuple[int, Levels] | None:
        """A new proposal with a setting that was never tried; where the sampler repeats itself, one at random."""
        tried = [frozen.params for frozen in self.made]
        while len(tried) < self.most:
            number = len(self.memory.get_trials(deepcopy=False))
            self.memory.sampler = self.sampler(number)
            frozen = self.memory.ask(self.space)
            if frozen.params not in tried:
                return frozen.number, frozen.params
            self.memory.tell(frozen.number, state=TrialState.FAIL)
            self.memory.enqueue_trial(untried(self.space, tried, self.seed(number)))
        return None

    def seed(self, number: int) -> int:
        """What is proposed depends on the proposal's number, and not on how often the launch was interrupted."""
        return int(digest([self.study.name, number]), 16) % 2**32

    def sampler(self, number: int) -> BaseSampler:
        seed = self.seed(number)
        return TPESampler(seed=seed) if self.search.sampler == "tpe" else RandomSampler(seed=seed)

    def tell(self, key: str, metrics: Mapping[str, float] | None) -> None:
        """Take note of a trial's end; with the last seed of a proposal, tell Optuna."""
        value = (metrics or {}).get(self.metric)
        self.values[key] = value
        for number, trials in list(self.open.items()):
            if any(trial.key == key for trial in trials) and all(trial.key in self.values for trial in trials):
                self.settle(number)

    def settle(self, number: int) -> None:
        """Tell Optuna the mean over the seeds; a setting that fails with any of them has failed."""
        values = [self.values[trial.key] for trial in self.open.pop(number)]
        good = [value for value in values if value is not None and math.isfinite(value)]
        if not self.running(number):
            return  # it was told when these trials ran for the first time
        if len(good) == len(values):
            self.memory.tell(number, statistics.fmean(good))
        else:
            self.memory.tell(number, state=TrialState.FAIL)


def mend(journal: Path) -> None:
    """Cut off the line that a full disk left half written; Optuna would append to it and could read neither."""
    content = journal.read_bytes() if journal.exists() else b""
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(journal, whole)


def made(memory: optuna.Study, paths: Collection[str]) -> list[FrozenTrial]:
    """The proposals in order, without those that repeat an earlier one or that a kill cut short."""
    first: dict[tuple[Value, ...], FrozenTrial] = {}
    for frozen in memory.get_trials(deepcopy=False):
        if frozen.params.keys() == set(paths):
            first.setdefault(tuple(frozen.params[path] for path in paths), frozen)
    return list(first.values())


def levels(part: BaseDistribution) -> float:
    """How many values there are to choose from."""
    if isinstance(part, CategoricalDistribution):
        return len(part.choices)
    assert isinstance(part, IntDistribution | FloatDistribution)
    return round((part.high - part.low) / part.step) + 1 if part.step is not None else math.inf


def untried(space: dict[str, BaseDistribution], tried: Sequence[Levels], seed: int) -> dict[str, Value]:
    """A setting drawn at random from those that are left."""
    scratch = optuna.create_study(sampler=RandomSampler(seed=seed))
    while (params := scratch.ask(space).params) in tried:
        pass
    return params


def open_memory(study: Study, journal: Path) -> optuna.Study:
    """The Optuna study of this search: made, or found again with all it knows.

    Its name holds what the values mean (data, fixed settings, seeds, space), so that another profile of the same study
    has a memory of its own.  Raises StudyError where the remembered direction is another.
    """
    metric, direction = next(iter(objectives(study).items()))
    journal.parent.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    memory = optuna.create_study(
        study_name=f"{study.name}-{digest(meaning(study), 8)}",
        storage=JournalStorage(JournalFileBackend(str(journal))),
        direction=direction,
        load_if_exists=True,
    )
    if memory.direction.name.lower() != direction:  # Optuna itself says nothing
        raise StudyError(
            f"this search has begun to {memory.direction.name.lower()} {metric}, and is now to {direction} it",
            f"put '{memory.direction.name.lower()}' back, or give the study another name",
            study.place("search", "objectives"),
        )
    return memory


def objectives(study: Study) -> Mapping[str, Literal["maximize", "minimize"]]:
    assert study.search is not None
    return study.search.objectives


def meaning(study: Study) -> dict[str, Any]:
    """All that a value in the memory depends on, but for the direction."""
    content = study.model_dump(mode="json", include={"cases", "seeds", "search"})
    return {
        "cases": content["cases"],
        "seeds": content["seeds"],
        "objective": list(objectives(study)),
        "space": content["search"]["space"],
    }


def distribution(part: Range | Choices) -> BaseDistribution:
    """One axis of the search in Optuna's terms; whole bounds make whole numbers."""
    if isinstance(part, Choices):
        return CategoricalDistribution(list(part.choices))
    if isinstance(part.low, int) and isinstance(part.high, int):
        step = int(part.step) if part.step is not None else 1
        return IntDistribution(part.low, part.high, log=part.log, step=step)
    return FloatDistribution(float(part.low), float(part.high), log=part.log, step=part.step)


def proposed(study: Study, journal: Path) -> tuple[Trial, ...]:
    """The trials of all proposals that were ever made, in order."""
    assert study.search is not None
    if not journal.exists():
        return ()
    proposals = made(open_memory(study, journal), study.search.space)
    return tuple(trial for proposal in proposals for trial in propose(study, proposal.params))
