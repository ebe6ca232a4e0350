"""The variants of each design, and their number."""

from typing import Any

from ablate.planning.design import count_comparisons, count_trials, count_variants, variants
from ablate.study.model import Case, Study

AXES = {"method.k": (10, 100), "method.epsilon": (1, 2, 3)}


def case(**content: Any) -> Case:
    return Case.model_validate({"method": "invariant", "dataset": "digits", **content})


def study(*cases: Case, seeds: tuple[int, ...] = (0, 1)) -> Study:
    return Study(name="a", cases=cases, seeds=seeds, probes=("linear",), metric="linear/accuracy")


def test_a_grid_has_every_combination_of_levels_in_the_order_of_the_file() -> None:
    assert [tuple(levels.values()) for levels in variants(case(axes=AXES))] == [
        (10, 1),
        (10, 2),
        (10, 3),
        (100, 1),
        (100, 2),
        (100, 3),
    ]


def test_one_at_a_time_has_the_baseline_and_every_single_change_of_it() -> None:
    found = variants(case(axes=AXES, design="one-at-a-time", baseline={"method.epsilon": 2}))
    assert [tuple(levels.values()) for levels in found] == [(10, 2), (100, 2), (10, 1), (10, 3)]


def test_a_case_without_axes_has_one_variant() -> None:
    assert list(variants(case())) == [{}]
    assert list(variants(case(design="one-at-a-time"))) == [{}]


def test_a_search_has_no_variants_before_it_runs() -> None:
    assert list(variants(case(design="search"))) == []


def test_variants_are_counted_without_listing_them() -> None:
    designs = [case(axes=AXES), case(axes=AXES, design="one-at-a-time"), case(), case(design="search")]
    assert [count_variants(one) for one in designs] == [6, 4, 1, 0]
    axes = {f"method.{number}": tuple(range(10)) for number in range(20)}
    assert count_trials(study(case(axes=axes), case(axes=AXES))) == 2 * (10**20 + 6)


def test_each_data_set_of_an_axis_has_a_baseline_that_is_not_compared() -> None:
    data = {"dataset": ("digits", "fsdd", "mnist")}
    assert count_comparisons(study(case(axes=AXES))) == 5
    assert count_comparisons(study(case(axes={**AXES, **data}))) == 3 * 5
    assert count_comparisons(study(case(axes={**AXES, **data}, design="one-at-a-time"))) == 3
    assert count_comparisons(study(case(axes=data))) == 2
