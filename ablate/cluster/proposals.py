"""Optuna's part: which settings to try, remembered in a journal beside the checkpoints."""

import math
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from ablate.errors import StudyError
from ablate.resolve import propose, space
from ablate.settings import Value
from ablate.spec.study import Choices, Range, Study
from ablate.spec.trial import Job, digest

REPEATED = "repeated"  # marks a proposal that was made before
REPEATS = 50  # proposals in a row that repeat a setting, after which the space counts as exhausted


class Proposals:
    """Settings to try, each over all seeds; Optuna is told once what became of them.

    A proposal that a killed launch left open is taken up again: its seeds that ended are in `values`, the others run.
    The sampler of each proposal is seeded by the proposal's number, so that a resumed search does not start over.
    """

    def __init__(self, study: Study, journal: Path, values: Mapping[str, float | None]) -> None:
        assert study.search is not None
        self.study, self.search = study, study.search
        self.metric = next(iter(self.search.objectives))
        self.values = dict(values)  # key → objective; None where the trial failed
        self.memory = open_memory(study, journal)
        self.space = {path: distribution(part) for path, part in space(study).items()}
        self.open: dict[int, tuple[Job, ...]] = {}  # proposal → the trials that it waits for
        self.exhausted = False
        self.left_open = [trial for trial in self.memory.trials if trial.state == TrialState.RUNNING]

    @property
    def over(self) -> bool:
        return (not self.open and not self.left_open and self.made >= self.search.trials) or self.exhausted

    @property
    def made(self) -> int:
        """How many settings were proposed, repetitions apart."""
        return sum(REPEATED not in trial.user_attrs for trial in self.memory.get_trials(deepcopy=False))

    def next(self) -> tuple[Job, ...]:
        """The trials of the next proposal that have no result yet; none where all proposals are made."""
        while (made := self.take_up() or self.ask()) is not None:
            number, params = made
            jobs = propose(self.study, params)
            self.open[number] = jobs
            missing = tuple(job for job in jobs if job.key not in self.values)
            if missing:
                return missing
            self.settle(number)
        return ()

    def take_up(self) -> tuple[int, dict[str, Value]] | None:
        """A proposal that an earlier launch left open."""
        if not self.left_open:
            return None
        trial = self.left_open.pop(0)
        return trial.number, trial.params

    def ask(self) -> tuple[int, dict[str, Value]] | None:
        """A new proposal with a setting that was never tried."""
        for _ in range(REPEATS):
            if self.exhausted or self.made >= self.search.trials:
                return None
            tried = [trial.params for trial in self.memory.get_trials(deepcopy=False)]
            self.memory.sampler = self.sampler(len(tried))
            trial = self.memory.ask(self.space)
            if trial.params not in tried:
                return trial.number, trial.params
            trial.set_user_attr(REPEATED, True)
            self.memory.tell(trial, state=TrialState.FAIL)
        self.exhausted = True
        return None

    def sampler(self, number: int) -> BaseSampler:
        """Seeded by the proposal: what is proposed does not depend on how often the launch was interrupted."""
        seed = int(digest([self.study.name, number]), 16) % 2**32
        return TPESampler(seed=seed) if self.search.sampler == "tpe" else RandomSampler(seed=seed)

    def tell(self, key: str, metrics: Mapping[str, float] | None) -> None:
        """Take note of a trial's end; with the last seed of a proposal, tell Optuna."""
        value = (metrics or {}).get(self.metric)
        self.values[key] = value
        for number, jobs in list(self.open.items()):
            if any(job.key == key for job in jobs) and all(job.key in self.values for job in jobs):
                self.settle(number)

    def settle(self, number: int) -> None:
        """Tell Optuna the mean over the seeds; a setting that fails with any of them has failed."""
        values = [self.values[job.key] for job in self.open.pop(number)]
        good = [value for value in values if value is not None and math.isfinite(value)]
        if len(good) == len(values):
            self.memory.tell(number, statistics.fmean(good))
        else:
            self.memory.tell(number, state=TrialState.FAIL)


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
            f"this search went on to {memory.direction.name.lower()} {metric} and is now to {direction} it",
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


def proposed(study: Study, journal: Path) -> tuple[Job, ...]:
    """The trials of all proposals that were ever made, in order."""
    if not journal.exists():
        return ()
    memory = open_memory(study, journal)
    settings = [trial.params for trial in memory.trials if REPEATED not in trial.user_attrs]
    return tuple(job for params in settings for job in propose(study, params))
