"""Variants that are judged by the mean of their seeds at rungs, and the same rungs after a kill at any moment."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ablate.events import State
from ablate.launch_config import Outcome
from ablate.planning.resolve import resolve
from ablate.pruning.early_stopping import EarlyStopping, Requests
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.trial import Trial

EPOCHS = 9
STUDY = f"""
method: invariant
dataset: digits
fixed: {{training.epochs: {EPOCHS}}}
axes: {{method.epsilon: [1, 2, 3, 4, 5, 6, 7]}}
seeds: 2
probes: [linear]
metric: linear/accuracy
pruner: {{kind: asha, metric: train/loss, reduction_factor: 3}}
"""
Read = Callable[..., Study]
Variants = dict[float, tuple[Trial, ...]]  # ε → its seeds


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def make(*overrides: str) -> Study:
        (tmp_path / "stopped.yaml").write_text(STUDY)
        return read_study(tmp_path / "stopped.yaml", overrides=overrides)

    return make


def variants(study: Study) -> Variants:
    found: Variants = {}
    for trial in resolve(study):
        epsilon = trial.levels["method.epsilon"]
        assert isinstance(epsilon, float | int)
        found[float(epsilon)] = (*found.get(float(epsilon), ()), trial)
    return found


def begun(study: Study, outcomes: dict[str, Outcome] | None = None) -> EarlyStopping:
    stopping = EarlyStopping(study, outcomes or {})
    assert stopping.add(resolve(study)) == {}
    return stopping


def see(stopping: EarlyStopping, trial: Trial, epoch: int, loss: float) -> Requests:
    return stopping.record(trial.key, epoch, {"train/loss": loss, "train/other": 0.0})


def states(requests: Requests) -> dict[str, State]:
    return {key: request.state for key, request in requests.items()}


def test_a_seed_that_reaches_a_rung_first_waits_for_the_others_and_their_mean_decides(read: Read) -> None:
    study = read()
    stopping, found = begun(study), variants(study)
    for trial in found[2.0]:
        see(stopping, trial, 1, 1.0)  # the first at the rung goes on
    assert not any(stopping.waits(trial.key) for trial in found[2.0])

    first, second = found[3.0]
    assert states(see(stopping, first, 1, 0.5)) == {first.key: State.WAITING}  # better alone
    assert stopping.waits(first.key)
    assert states(see(stopping, second, 1, 1.6)) == {first.key: State.PRUNED, second.key: State.PRUNED}

    first, second = found[4.0]
    see(stopping, second, 1, 0.5)
    assert see(stopping, first, 1, 1.4) == {}  # 0.95 is better than 1
    assert not stopping.waits(second.key)


def test_seeds_of_one_pack_wait_for_no_one(read: Read) -> None:
    study = read()
    stopping, found = begun(study), variants(study)
    pack = {trial.key for trial in found[2.0]}
    first, second = found[2.0]
    assert stopping.record(first.key, 1, {"train/loss": 1.0}, pack) == {}
    assert stopping.record(second.key, 1, {"train/loss": 1.0}, pack) == {}
    assert not stopping.waits(first.key)


def test_the_baseline_is_never_stopped(read: Read) -> None:
    study = read()
    stopping, found = begun(study), variants(study)
    for epsilon, loss in ((2.0, 1.0), (1.0, 9.0)):
        for trial in found[epsilon]:
            see(stopping, trial, 1, loss)
    assert not any(stopping.pruned(trial.key) or stopping.waits(trial.key) for trial in found[1.0])
    assert stopping.rungs(found[1.0][0].key) == ()
    assert stopping.rungs(found[2.0][0].key) == (1, 3)


def test_a_seed_that_failed_is_waited_for_no_more(read: Read) -> None:
    study = read()
    stopping, found = begun(study), variants(study)
    first, second = found[2.0]
    see(stopping, first, 1, 1.0)
    assert stopping.waits(first.key)
    assert stopping.end(second.key, State.FAILED) == {}
    assert not stopping.waits(first.key)


def test_with_promotion_variants_wait_until_they_are_among_the_best(read: Read) -> None:
    study = read("pruner.promote=true", "seeds=1")
    stopping, found = begun(study), variants(study)
    for epsilon in (2.0, 3.0):
        (trial,) = found[epsilon]
        assert states(see(stopping, trial, 1, epsilon)) == {trial.key: State.WAITING}  # ⌊1 / 3⌋ and ⌊2 / 3⌋
    assert not stopping.promote()
    (third,) = found[4.0]
    assert states(see(stopping, third, 1, 4.0)) == {third.key: State.WAITING}
    assert stopping.promote()
    assert not stopping.promote()
    assert [stopping.waits(found[epsilon][0].key) for epsilon in (2.0, 3.0, 4.0)] == [False, True, True]
    see(stopping, found[2.0][0], 3, 2.0)
    assert stopping.waits(found[2.0][0].key)  # at the second rung
    assert stopping.promote(last=True)
    assert not stopping.waits(found[2.0][0].key)
    assert stopping.waiting == {found[3.0][0].variant, found[4.0][0].variant}
    assert not stopping.promote(last=True)  # one of the first rung was promoted before
    assert set(states(stopping.finish()).values()) == {State.PRUNED}


def test_the_median_stops_what_is_worse_than_half_of_the_others(read: Read) -> None:
    study = read("pruner={kind: median, metric: train/loss, min_variants: 3}", "seeds=1")
    stopping, found = begun(study), variants(study)
    for epsilon in (1.0, 2.0, 3.0):
        assert see(stopping, found[epsilon][0], 1, epsilon) == {}
    assert see(stopping, found[4.0][0], 1, 1.5) == {}
    assert see(stopping, found[5.0][0], 1, 1.8) != {}  # the median of 1, 2, 3 and 1.5 is 1.75
    requests = see(stopping, found[6.0][0], 1, 2.5)
    assert [request.reason for request in requests.values()] == [
        "stopped by median at epoch 1: train/loss is 2.5, worse than the median of 5 others"
    ]


def loss(trial: Trial, epoch: int) -> float:
    """Falls with the epochs, to different ends; seeds differ."""
    epsilon = trial.levels["method.epsilon"]
    assert isinstance(epsilon, float | int)
    return 1 / epoch + ((epsilon * 37) % 11) / 10 + trial.config.seed / 100


class Launches:
    """Trains all trials of a study, epoch by epoch; what is recorded outlives a kill."""

    def __init__(self, study: Study) -> None:
        self.study, self.trials = study, resolve(study)
        self.curves: dict[str, dict[int, float]] = {trial.key: {} for trial in self.trials}
        self.ends: dict[str, State] = {}

    @property
    def outcomes(self) -> dict[str, Outcome]:
        return {
            key: Outcome(self.ends.get(key, State.WAITING), {}, {str(epoch): value for epoch, value in curve.items()})
            for key, curve in self.curves.items()
            if curve or key in self.ends
        }

    def run(self) -> Iterator[None]:
        """A launch; yields after each thing that is recorded, at which it may be killed."""
        stopping = EarlyStopping(self.study, self.outcomes)
        yield from self.carry_out(stopping.add(self.trials))
        while True:
            left = [one for one in self.trials if one.key not in self.ends and not stopping.waits(one.key)]
            if not left:
                if not stopping.promote() and not stopping.promote(last=True):
                    requests = stopping.finish()
                    yield from self.carry_out(requests)
                    if not requests:
                        return
                continue
            trial = left[0]
            epoch = len(self.curves[trial.key]) + 1
            if epoch <= EPOCHS:
                self.curves[trial.key][epoch] = loss(trial, epoch)
                yield
                yield from self.carry_out(see(stopping, trial, epoch, loss(trial, epoch)))
            else:
                self.ends[trial.key] = State.FINISHED
                yield
                yield from self.carry_out(stopping.end(trial.key, State.FINISHED))

    def carry_out(self, requests: Requests) -> Iterator[None]:
        for key, request in requests.items():
            if request.state is State.PRUNED:
                self.ends[key] = request.state
                yield


@pytest.mark.parametrize("kind", ["asha", "hyperband", "median"])
@pytest.mark.parametrize("promote", ["false", "true"])
def test_a_launch_that_is_killed_at_any_moment_ends_with_the_same_rungs(read: Read, kind: str, promote: str) -> None:
    study = read(f"pruner.kind={kind}", f"pruner.promote={promote}", "pruner.min_variants=3")
    whole = Launches(study)
    moments = sum(1 for _ in whole.run())
    assert set(whole.ends) == {trial.key for trial in whole.trials}
    assert {State.FINISHED, State.PRUNED} == set(whole.ends.values())
    for moment in range(1, moments, 3):
        killed = Launches(study)
        for count, _ in enumerate(killed.run(), start=1):
            if count == moment:
                break
        for _ in killed.run():
            pass
        assert killed.ends == whole.ends
        assert killed.curves == whole.curves
