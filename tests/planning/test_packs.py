"""Packs of trials, and the order of pretraining trials."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import pytest

from ablate.planning.packs import make_packs, split_into_packs, spread, with_pretraining
from ablate.testing.pack_runs import invariant_trial
from ablate.trial import Config, Trial


def trial(seed: int = 0, **content: Any) -> Trial:
    settings = {"k": 10, "epsilon": 1.0, "sinkhorn_lambda": "adaptive", **content.pop("settings", {})}
    training = {"epochs": 5, "learning_rate": 0.1, **content.pop("training", {})}
    config = Config("invariant", "1", settings, "digits", "1", training, seed)
    return Trial(replace(config, **content), {"linear": {}}, "a")


def constant_size(size: int) -> Callable[[Trial], int]:
    return lambda _trial: size


def test_trials_that_differ_in_seed_and_float_settings_share_a_pack() -> None:
    trials = [trial(seed, settings={"epsilon": epsilon}) for seed in (0, 1) for epsilon in (1.0, 2.0)]
    assert split_into_packs(trials, constant_size(4)) == (tuple(trials),)
    assert split_into_packs(trials, constant_size(3)) == (tuple(trials[:3]), (trials[3],))
    pair = trial(), trial(training={"learning_rate": 0.2})
    assert split_into_packs(pair, constant_size(4)) == (pair,)


def test_trials_that_differ_in_anything_else_do_not_share_a_pack() -> None:
    others = [
        trial(settings={"k": 20}),
        trial(settings={"sinkhorn_lambda": 0.5}),
        trial(settings={"epsilon": None}),
        trial(training={"epochs": 6}),
        trial(dataset="fsdd"),
        trial(method="simclr"),
        trial(revision="2"),
        trial(version="2"),
        replace(trial(), probes={"linear": {"epochs": 3}}),
    ]
    assert split_into_packs([trial(), *others], constant_size(16)) == ((trial(),), *((other,) for other in others))


def test_packs_are_in_the_order_of_their_first_trials() -> None:
    small, large = [trial(seed) for seed in (0, 1)], [trial(seed, settings={"k": 20}) for seed in (0, 1)]
    mixed = [small[0], large[0], small[1], large[1]]
    assert split_into_packs(mixed, constant_size(2)) == (tuple(small), tuple(large))
    assert split_into_packs(mixed, constant_size(1)) == tuple((trial,) for trial in mixed)


def test_the_size_of_a_pack_may_depend_on_its_first_trial() -> None:
    trials = [trial(0), trial(0, method="simclr"), trial(1), trial(1, method="simclr")]
    packs = split_into_packs(trials, lambda trial: 1 if trial.config.method == "simclr" else 2)
    assert packs == ((trials[0], trials[2]), (trials[1],), (trials[3],))


def test_packs_are_split_where_there_are_fewer_packs_than_slots() -> None:
    trials = tuple(trial(seed) for seed in range(6))
    assert spread([trials], 1) == (trials,)
    assert spread([trials], 3) == (trials[:2], trials[2:4], trials[4:])
    assert spread([trials], 9) == tuple((one,) for one in trials)
    assert spread([trials[:1], trials[1:]], 2) == (trials[:1], trials[1:])
    assert spread([], 4) == ()


def pretrained(seed: int, first: Trial) -> Trial:
    """A trial that starts from the encoder of `first`."""
    return trial(seed, method="vte", first=first.config)


def test_a_pretraining_trial_precedes_all_trials_that_start_from_it_and_is_listed_once() -> None:
    first = trial(0, method="predictive")
    others = (pretrained(0, first), replace(pretrained(0, first), probes={}))
    before, *rest = with_pretraining(others)
    assert before.key == first.key
    assert (before.name, before.probes, before.study) == ("pretraining · seed 0", {}, "a")
    assert rest == [*others]


def test_a_trial_of_the_study_that_is_also_a_pretraining_trial_is_listed_once() -> None:
    first = trial(0, method="predictive")
    after = pretrained(0, first)
    assert with_pretraining((after, first, trial(1))) == (first, after, trial(1))


def test_trials_of_a_pack_may_start_from_different_trials() -> None:
    trials = [pretrained(seed, trial(seed, method="predictive")) for seed in (0, 1)]
    assert split_into_packs(trials, constant_size(2)) == (tuple(trials),)


@pytest.mark.parametrize(("most", "accelerated", "expected"), [("auto", False, 1), ("auto", True, 16), (4, False, 4)])
def test_packs_have_the_requested_size_or_the_one_measured_to_be_fastest(
    most: Literal["auto"] | int, accelerated: bool, expected: int
) -> None:
    trials = [invariant_trial(seed, epsilon=0.5 + seed) for seed in range(20)]
    assert next(len(members) for members in make_packs(trials, most, accelerated)) == expected


def test_convolutions_and_fitted_methods_are_not_packed() -> None:
    folded = [invariant_trial(seed, network="cnn") for seed in range(3)]
    assert make_packs(folded, "auto", True) == tuple((trial,) for trial in folded)
    assert make_packs(folded, 3, True) == (tuple(folded),)
    fitted = [replace(trial, config=replace(trial.config, method="pca", settings={})) for trial in folded]
    assert make_packs(fitted, 3, True) == tuple((trial,) for trial in fitted)
