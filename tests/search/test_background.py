"""Proposals that are computed in a thread: the same ones, while the caller goes on."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ablate.events import State
from ablate.search import proposals as module
from ablate.search.background import BackgroundProposals
from ablate.search.proposals import Proposals
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
SETTINGS = ("seeds=1", "search.trials=6")


def scored(proposals: Proposals | BackgroundProposals) -> list[str]:
    """The names of a search's trials, each scored before the next is asked for."""
    names = []
    while trials := proposals.next():
        for trial in trials:
            names.append(trial.name)
            epsilon = trial.config.settings["epsilon"]
            assert isinstance(epsilon, float)
            proposals.record(trial.key, {"linear/accuracy": -abs(epsilon - 1)})
    assert proposals.over
    return names


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
def test_one_at_a_time_the_proposals_are_those_of_the_calling_thread(
    search_study: MakeStudy, tmp_path: Path, sampler: str
) -> None:
    study = search_study(*SETTINGS, f"search.sampler={sampler}", "search.parallel=1")
    alone = scored(Proposals(study, tmp_path / "alone.log", {}))
    assert scored(BackgroundProposals(Proposals(study, tmp_path / "thread.log", {}))) == alone
    assert len(alone) == 6


def test_a_caller_does_not_wait_for_a_sampler_unless_nothing_runs(
    search_study: MakeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, entered, make = threading.Event(), threading.Event(), module.make_sampler

    def slow(*arguments: Any) -> Any:
        entered.set()
        assert release.wait(100)
        return make(*arguments)

    monkeypatch.setattr(module, "make_sampler", slow)
    proposals = BackgroundProposals(Proposals(search_study(*SETTINGS), tmp_path / "search.log", {}))
    assert proposals.next(wait=False) == ()
    assert entered.wait(100)
    assert proposals.next(wait=False) == ()  # it is still computed, and no other one
    proposals.record("another", {}, State.FAILED)  # returns at once
    release.set()
    (trial,) = proposals.next()
    assert trial.config.seed == 0


def test_a_proposal_of_a_slow_sampler_is_computed_before_it_is_asked_for(
    search_study: MakeStudy, tmp_path: Path
) -> None:
    proposals = BackgroundProposals(Proposals(search_study(*SETTINGS, "search.sampler=cmaes"), tmp_path / "s.log", {}))
    proposals.next()
    assert proposals.asked is not None
    ready = proposals.asked.result()
    assert proposals.next(wait=False) == ready


def test_an_error_while_results_are_recorded_reaches_the_caller(
    search_study: MakeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("the disk is full")

    inner = Proposals(search_study(*SETTINGS), tmp_path / "search.log", {})
    proposals = BackgroundProposals(inner)
    (trial,) = proposals.next()
    monkeypatch.setattr(inner.stored, "tell", fail)
    proposals.record(trial.key, {"linear/accuracy": 1.0})
    with pytest.raises(OSError, match="the disk is full"):
        proposals.next()
