"""Which trials stand before others, and which train together."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ablate.spec.packs import pack, spread, with_first_phases
from ablate.spec.trial import Job, Trial


def job(seed: int = 0, **content: Any) -> Job:
    settings = {"k": 10, "epsilon": 1.0, "smoothness": "adaptive", **content.pop("settings", {})}
    training = {"epochs": 5, "learning_rate": 0.1, **content.pop("training", {})}
    trial = Trial("invariant", "1", settings, "digits", "1", training, seed)
    return Job(replace(trial, **content), {"linear": {}}, "a")


def by(size: int) -> Callable[[Job], int]:
    return lambda job: size


def test_packs_hold_what_differs_in_seeds_and_floats() -> None:
    jobs = [job(seed, settings={"epsilon": epsilon}) for seed in (0, 1) for epsilon in (1.0, 2.0)]
    assert pack(jobs, by(4)) == (tuple(jobs),)
    assert pack(jobs, by(3)) == (tuple(jobs[:3]), (jobs[3],))
    pair = job(), job(training={"learning_rate": 0.2})
    assert pack(pair, by(4)) == (pair,)


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
    assert pack([job(), *others], by(16)) == ((job(),), *((other,) for other in others))


def test_packs_come_in_the_order_of_their_first_trials() -> None:
    small, large = [job(seed) for seed in (0, 1)], [job(seed, settings={"k": 20}) for seed in (0, 1)]
    mixed = [small[0], large[0], small[1], large[1]]
    assert pack(mixed, by(2)) == (tuple(small), tuple(large))
    assert pack(mixed, by(1)) == tuple((job,) for job in mixed)


def test_trials_that_cannot_share_a_pack_train_alone() -> None:
    jobs = [job(0), job(0, method="simclr"), job(1), job(1, method="simclr")]
    packs = pack(jobs, lambda job: 1 if job.trial.method == "simclr" else 2)
    assert packs == ((jobs[0], jobs[2]), (jobs[1],), (jobs[3],))


def test_packs_are_smaller_where_slots_would_stay_empty() -> None:
    jobs = tuple(job(seed) for seed in range(6))
    assert spread([jobs], 1) == (jobs,)
    assert spread([jobs], 3) == (jobs[:2], jobs[2:4], jobs[4:])
    assert spread([jobs], 9) == tuple((one,) for one in jobs)
    assert spread([jobs[:1], jobs[1:]], 2) == (jobs[:1], jobs[1:])
    assert spread([], 4) == ()


def second(seed: int, first: Job) -> Job:
    """A trial that starts from another one."""
    return job(seed, method="vte", first=first.trial)


def test_a_first_phase_stands_once_before_all_that_start_from_it() -> None:
    first = job(0, method="predictive")
    others = (second(0, first), replace(second(0, first), probes={}))
    before, *rest = with_first_phases(others)
    assert before.key == first.key
    assert (before.name, before.probes, before.study) == ("first phase · seed 0", {}, "a")
    assert rest == [*others]


def test_a_first_phase_that_is_wanted_for_itself_is_not_run_twice() -> None:
    first = job(0, method="predictive")
    after = second(0, first)
    assert with_first_phases((after, first, job(1))) == (first, after, job(1))


def test_members_of_a_pack_may_start_from_different_trials() -> None:
    jobs = [second(seed, job(seed, method="predictive")) for seed in (0, 1)]
    assert pack(jobs, by(2)) == (tuple(jobs),)
