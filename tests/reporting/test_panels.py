"""Which variants a figure shows, and where."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import pytest

from ablate.draw.panels import Layout, axes_of, layout
from ablate.options import Value
from ablate.stats.results import Result
from ablate.stats.variants import Variant, variants
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
Make = Callable[..., Result]
METRIC = "linear/accuracy"


def crossed(make: Make, axes: Mapping[str, Sequence[Value]], **fields: Any) -> list[Result]:
    """One seed of every combination."""
    return [make(dict(zip(axes, levels, strict=True)), 0, 0.5, **fields) for levels in product(*axes.values())]


def shape(picture: Layout) -> dict[str, dict[str, int]]:
    """How many variants are on each line of each panel."""
    return {panel.title: {line.label: len(line.variants) for line in panel.lines} for panel in picture.panels}


def shown(study: Study, results: Sequence[Result], axis: str) -> Layout:
    return layout(study, found_in(study, results), axis)


def found_in(study: Study, results: Sequence[Result]) -> tuple[Variant, ...]:
    return variants(study, results, METRIC)


def test_one_axis_is_one_line(study: MakeStudy, result: Make) -> None:
    axes = {"method.k": (50, 100)}
    picture = shown(study({"axes": axes}), crossed(result, axes), "method.k")
    assert shape(picture) == {"fsdd": {"": 2}}
    assert picture.panels[0].levels == (50, 100)


def test_a_grid_has_a_line_for_each_level_of_the_other_axis(study: MakeStudy, result: Make) -> None:
    axes = {"method.k": (50, 100, 200), "method.transformation": ("rp", "vat")}
    asked, results = study({"axes": axes}), crossed(result, axes)
    assert axes_of(asked, found_in(asked, results)) == ("method.k", "method.transformation")
    assert shape(shown(asked, results, "method.k")) == {"fsdd": {"transformation=rp": 3, "transformation=vat": 3}}
    assert shape(shown(asked, results, "method.transformation")) == {"fsdd": {"k=50": 2, "k=100": 2, "k=200": 2}}


def test_more_levels_than_lines_can_be_told_apart_get_panels(study: MakeStudy, result: Make) -> None:
    axes = {"method.k": (1, 2, 3, 4, 5, 6), "method.transformation": ("rp", "vat")}
    picture = shown(study({"axes": axes}), crossed(result, axes), "method.transformation")
    assert shape(picture) == {f"fsdd, k={k}": {"": 2} for k in range(1, 7)}


def test_too_many_panels_leave_the_baseline_and_say_so(study: MakeStudy, result: Make) -> None:
    axes: dict[str, Sequence[Value]] = {"method.k": tuple(range(1, 12)), "method.transformation": ("rp", "vat")}
    asked = study({"axes": axes, "baseline": {"method.k": 3}})
    picture = shown(asked, crossed(result, axes), "method.transformation")
    assert shape(picture) == {"fsdd, k=3": {"": 2}}
    assert picture.note == "only the baseline of k"


def test_one_at_a_time_shows_each_axis_around_the_baseline(study: MakeStudy, result: Make) -> None:
    axes = {"method.k": (50, 100, 200), "method.transformation": ("rp", "vat")}
    baseline = {"method.k": 100, "method.transformation": "vat"}
    asked = study({"design": "one-at-a-time", "axes": axes, "baseline": baseline})
    settings = [(100, "vat"), (50, "vat"), (200, "vat"), (100, "rp")]
    results = [result({"method.k": k, "method.transformation": how}, 0, 0.5) for k, how in settings]
    assert shape(shown(asked, results, "method.k")) == {"fsdd": {"": 3}}
    assert shape(shown(asked, results, "method.transformation")) == {"fsdd": {"": 2}}


def test_each_data_set_has_a_panel_with_its_own_levels(study: MakeStudy, result: Make) -> None:
    asked = study(
        {"axes": {"method.epsilon": (1, 5)}}, {"dataset": "20newsgroups", "axes": {"method.epsilon": (10, 20)}}
    )
    results = [
        *crossed(result, {"method.epsilon": (1, 5)}),
        *crossed(result, {"method.epsilon": (10, 20)}, dataset="20newsgroups"),
    ]
    assert axes_of(asked, found_in(asked, results)) == ("method.epsilon",)
    picture = shown(asked, results, "method.epsilon")
    assert {panel.title: panel.levels for panel in picture.panels} == {"fsdd": (1, 5), "20newsgroups": (10, 20)}


def test_methods_are_compared_at_their_baselines(study: MakeStudy, result: Make) -> None:
    asked = study({"method": "pca"}, {"axes": {"method.k": (50, 100)}, "baseline": {"method.k": 100}})
    results = [result({}, 0, 0.5, method="pca"), *crossed(result, {"method.k": (50, 100)})]
    assert axes_of(asked, found_in(asked, results)) == ("method.k", "method")
    (panel,) = shown(asked, results, "method").panels
    assert panel.levels == ("pca", "invariant")
    assert [one.levels for line in panel.lines for one in line.variants] == [{}, {"method.k": 100}]


def test_data_sets_are_an_axis_where_nothing_else_varies(study: MakeStudy, result: Make) -> None:
    asked = study({}, {"dataset": "digits"})
    results = [result({}, 0, 0.5, dataset=name) for name in ("fsdd", "digits")]
    assert axes_of(asked, found_in(asked, results)) == ("dataset",)
    assert shape(shown(asked, results, "dataset")) == {"": {"": 2}}


def test_a_single_variant_has_no_figure(study: MakeStudy, result: Make) -> None:
    asked = study({})
    assert axes_of(asked, found_in(asked, [result({}, 0, 0.5)])) == ()


@pytest.mark.parametrize(
    ("levels", "numeric", "logarithmic"),
    [
        ((1, 2, 5), True, False),
        ((1, 10, 100), True, False),  # two decades
        ((1, 10, 101), True, True),
        ((0, 0.001, 1.0), True, True),  # zero has no decade
        ((0.5, "adaptive"), False, False),
        ((True, False), False, False),
        ((None, 1), False, False),
    ],
)
def test_numbers_stand_at_their_value_and_on_a_log_scale_beyond_two_decades(
    study: MakeStudy, result: Make, levels: tuple[Value, ...], numeric: bool, logarithmic: bool
) -> None:
    axes = {"method.width": levels}
    (panel,) = shown(study({"axes": axes}), crossed(result, axes), "method.width").panels
    assert (panel.numeric, panel.logarithmic) == (numeric, logarithmic)


def test_numbers_are_sorted_and_words_stay_as_written(study: MakeStudy, result: Make) -> None:
    numbers = {"method.width": (10, 1, 5)}
    words = {"method.how": ("vat", "np", "rp")}
    assert shown(study({"axes": numbers}), crossed(result, numbers), "method.width").panels[0].levels == (1, 5, 10)
    assert shown(study({"axes": words}), crossed(result, words), "method.how").panels[0].levels == ("vat", "np", "rp")


def test_methods_of_an_axis_and_of_other_cases_stand_side_by_side(study: MakeStudy, result: Make) -> None:
    asked = study({"axes": {"method": ("pca", "nmf")}}, {"method": "cpc"})
    results = [result({"method": name}, 0, 0.5, method=name) for name in ("pca", "nmf")]
    picture = shown(asked, [*results, result({}, 0, 0.5, method="cpc")], "method")
    assert [panel.levels for panel in picture.panels] == [("pca", "nmf", "cpc")]
