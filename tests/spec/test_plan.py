"""What designs make of axes, and which trials train together."""

from dataclasses import replace
from typing import Any

from ablate.spec.plan import count_trials, count_variants, pack, variants
from ablate.spec.study import Case, Study
from ablate.spec.trial import Job, Trial

AXES = {"method.k": (10, 100), "method.epsilon": (1, 2, 3)}


def case(**content: Any) -> Case:
    return Case.model_validate({"method": "invariant", "dataset": "digits", **content})


def study(*cases: Case, seeds: tuple[int, ...] = (0, 1)) -> Study:
    return Study(name="a", cases=cases, seeds=seeds, probes=("linear",), metric="linear/accuracy")


def job(seed: int = 0, **content: Any) -> Job:
    settings = {"k": 10, "epsilon": 1.0, "smoothness": "adaptive", **content.pop("settings", {})}
    training = {"epochs": 5, "learning_rate": 0.1, **content.pop("training", {})}
    trial = Trial("invariant", "1", settings, "digits", "1", training, seed)
    return Job(replace(trial, **content), {"linear": {}}, "a")


def test_a_grid_is_every_combination_in_the_order_of_the_file() -> None:
    assert [tuple(levels.values()) for levels in variants(case(axes=AXES))] == [
        (10, 1),
        (10, 2),
        (10, 3),
        (100, 1),
        (100, 2),
        (100, 3),
    ]


def test_one_at_a_time_is_the_baseline_and_every_single_change() -> None:
    found = variants(case(axes=AXES, design="one-at-a-time", baseline={"method.epsilon": 2}))
    assert [tuple(levels.values()) for levels in found] == [(10, 2), (100, 2), (10, 1), (10, 3)]


def test_a_case_without_axes_is_one_variant() -> None:
    assert list(variants(case())) == [{}]
    assert list(variants(case(design="one-at-a-time"))) == [{}]


def test_a_search_plans_no_variant() -> None:
    assert list(variants(case(design="search"))) == []


def test_variants_are_counted_without_making_them() -> None:
    designs = [case(axes=AXES), case(axes=AXES, design="one-at-a-time"), case(), case(design="search")]
    assert [count_variants(one) for one in designs] == [6, 4, 1, 0]
    axes = {f"method.{number}": tuple(range(10)) for number in range(20)}
    assert count_trials(study(case(axes=axes), case(axes=AXES))) == 2 * (10**20 + 6)


def test_packs_hold_what_differs_in_seeds_and_floats() -> None:
    jobs = [job(seed, settings={"epsilon": epsilon}) for seed in (0, 1) for epsilon in (1.0, 2.0)]
    assert pack(jobs, 4) == (tuple(jobs),)
    assert pack(jobs, 3) == (tuple(jobs[:3]), (jobs[3],))
    assert pack([job(), job(training={"learning_rate": 0.2})], 4) == ((job(), job(training={"learning_rate": 0.2})),)


def test_packs_keep_apart_whatever_else_differs() -> None:
    others = [
        job(settings={"k": 20}),
        job(settings={"smoothness": 0.5}),
        job(settings={"epsilon": None}),
        job(training={"epochs": 6}),
        job(dataset="fsdd"),
        job(method="simclr"),
        job(revision="2"),
        job(version="2"),
        replace(job(), probes={"linear": {"epochs": 3}}),
    ]
    assert pack([job(), *others], 16) == ((job(),), *((other,) for other in others))


def test_packs_come_in_the_order_of_their_first_trials() -> None:
    small, large = [job(seed) for seed in (0, 1)], [job(seed, settings={"k": 20}) for seed in (0, 1)]
    assert pack([small[0], large[0], small[1], large[1]], 2) == (tuple(small), tuple(large))


def test_methods_that_cannot_share_a_pack_train_alone() -> None:
    jobs = [job(0), job(1), job(0, method="simclr"), job(1, method="simclr")]
    assert pack(jobs, 2, alone={"simclr"}) == (tuple(jobs[:2]), (jobs[2],), (jobs[3],))
