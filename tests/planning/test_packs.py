"""Which trials stand before others, and which train together."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ablate.planning.packs import pack, spread, with_pretraining
from ablate.trial import Config, Trial


def trial(seed: int = 0, **content: Any) -> Trial:
    settings = {"k": 10, "epsilon": 1.0, "smoothness": "adaptive", **content.pop("settings", {})}
    training = {"epochs": 5, "learning_rate": 0.1, **content.pop("training", {})}
    config = Config("invariant", "1", settings, "digits", "1", training, seed)
    return Trial(replace(config, **content), {"linear": {}}, "a")


def by(size: int) -> Callable[[Trial], int]:
    return lambda trial: size


def test_packs_hold_what_differs_in_seeds_and_floats() -> None:
    trials = [trial(seed, settings={"epsilon": epsilon}) for seed in (0, 1) for epsilon in (1.0, 2.0)]
    assert pack(trials, by(4)) == (tuple(trials),)
    assert pack(trials, by(3)) == (tuple(trials[:3]), (trials[3],))
    pair = trial(), trial(training={"learning_rate": 0.2})
    assert pack(pair, by(4)) == (pair,)


def test_packs_keep_apart_whatever_else_differs() -> None:
    others = [
        trial(settings={"k": 20}),
        trial(settings={"smoothness": 0.5}),
        trial(settings={"epsilon": None}),
        trial(training={"epochs": 6}),
        trial(dataset="fsdd"),
        trial(method="simclr"),
        trial(revision="2"),
        trial(version="2"),
        replace(trial(), probes={"linear": {"epochs": 3}}),
    ]
    assert pack([trial(), *others], by(16)) == ((trial(),), *((other,) for other in others))


def test_packs_come_in_the_order_of_their_first_trials() -> None:
    small, large = [trial(seed) for seed in (0, 1)], [trial(seed, settings={"k": 20}) for seed in (0, 1)]
    mixed = [small[0], large[0], small[1], large[1]]
    assert pack(mixed, by(2)) == (tuple(small), tuple(large))
    assert pack(mixed, by(1)) == tuple((trial,) for trial in mixed)


def test_trials_that_cannot_share_a_pack_train_alone() -> None:
    trials = [trial(0), trial(0, method="simclr"), trial(1), trial(1, method="simclr")]
    packs = pack(trials, lambda trial: 1 if trial.config.method == "simclr" else 2)
    assert packs == ((trials[0], trials[2]), (trials[1],), (trials[3],))


def test_packs_are_smaller_where_slots_would_stay_empty() -> None:
    trials = tuple(trial(seed) for seed in range(6))
    assert spread([trials], 1) == (trials,)
    assert spread([trials], 3) == (trials[:2], trials[2:4], trials[4:])
    assert spread([trials], 9) == tuple((one,) for one in trials)
    assert spread([trials[:1], trials[1:]], 2) == (trials[:1], trials[1:])
    assert spread([], 4) == ()


def second(seed: int, first: Trial) -> Trial:
    """A trial that starts from another one."""
    return trial(seed, method="vte", first=first.config)


def test_a_first_phase_stands_once_before_all_that_start_from_it() -> None:
    first = trial(0, method="predictive")
    others = (second(0, first), replace(second(0, first), probes={}))
    before, *rest = with_pretraining(others)
    assert before.key == first.key
    assert (before.name, before.probes, before.study) == ("first phase · seed 0", {}, "a")
    assert rest == [*others]


def test_a_first_phase_that_is_wanted_for_itself_is_not_run_twice() -> None:
    first = trial(0, method="predictive")
    after = second(0, first)
    assert with_pretraining((after, first, trial(1))) == (first, after, trial(1))


def test_members_of_a_pack_may_start_from_different_trials() -> None:
    trials = [second(seed, trial(seed, method="predictive")) for seed in (0, 1)]
    assert pack(trials, by(2)) == (tuple(trials),)
