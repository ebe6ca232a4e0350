"""Which variants a figure shows, in which panel, on which line."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import pytest

from ablate.draw.figure_specs import AxisFigure, ComparedVariant, axes_of, axis_figure
from ablate.options import Value
from ablate.stats.results import Result
from ablate.stats.variants import Variant, variants_of
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
MakeResult = Callable[..., Result]
METRIC = "linear/accuracy"


def crossed(make_result: MakeResult, axes: Mapping[str, Sequence[Value]], **fields: Any) -> list[Result]:
    """One seed of every combination."""
    return [make_result(dict(zip(axes, levels, strict=True)), 0, 0.5, **fields) for levels in product(*axes.values())]


def shape(figure: AxisFigure) -> dict[str, dict[str, int]]:
    """How many variants are on each line of each panel."""
    return {panel.title: {line.label: len(line.members) for line in panel.lines} for panel in figure.panels}


def shown(study: Study, results: Sequence[Result], axis: str) -> AxisFigure:
    compared = [ComparedVariant(variant) for variant in variants_in(study, results)]
    return axis_figure(study, compared, axis, METRIC)


def variants_in(study: Study, results: Sequence[Result]) -> tuple[Variant, ...]:
    return variants_of(study, results, METRIC)


def test_one_axis_is_drawn_as_one_line(make_study: MakeStudy, make_result: MakeResult) -> None:
    axes = {"method.k": (50, 100)}
    figure = shown(make_study({"axes": axes}), crossed(make_result, axes), "method.k")
    assert shape(figure) == {"fsdd": {"": 2}}
    assert figure.panels[0].levels == (50, 100)


def test_a_grid_has_a_line_for_each_level_of_the_other_axis(make_study: MakeStudy, make_result: MakeResult) -> None:
    axes = {"method.k": (50, 100, 200), "method.transformation": ("rp", "vat")}
    study, results = make_study({"axes": axes}), crossed(make_result, axes)
    assert axes_of(study, variants_in(study, results)) == ("method.k", "method.transformation")
    assert shape(shown(study, results, "method.k")) == {"fsdd": {"transformation=rp": 3, "transformation=vat": 3}}
    assert shape(shown(study, results, "method.transformation")) == {"fsdd": {"k=50": 2, "k=100": 2, "k=200": 2}}


def test_an_axis_of_more_than_five_levels_is_drawn_in_panels(make_study: MakeStudy, make_result: MakeResult) -> None:
    axes = {"method.k": (1, 2, 3, 4, 5, 6), "method.transformation": ("rp", "vat")}
    figure = shown(make_study({"axes": axes}), crossed(make_result, axes), "method.transformation")
    assert shape(figure) == {f"fsdd, k={k}": {"": 2} for k in range(1, 7)}


def test_more_than_nine_panels_are_reduced_to_the_baseline_with_a_note(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    axes: dict[str, Sequence[Value]] = {"method.k": tuple(range(1, 12)), "method.transformation": ("rp", "vat")}
    study = make_study({"axes": axes, "baseline": {"method.k": 3}})
    figure = shown(study, crossed(make_result, axes), "method.transformation")
    assert shape(figure) == {"fsdd, k=3": {"": 2}}
    assert figure.note == "only the baseline of k"


def test_one_at_a_time_shows_each_axis_around_the_baseline(make_study: MakeStudy, make_result: MakeResult) -> None:
    axes = {"method.k": (50, 100, 200), "method.transformation": ("rp", "vat")}
    baseline = {"method.k": 100, "method.transformation": "vat"}
    study = make_study({"design": "one-at-a-time", "axes": axes, "baseline": baseline})
    settings = [(100, "vat"), (50, "vat"), (200, "vat"), (100, "rp")]
    results = [make_result({"method.k": k, "method.transformation": how}, 0, 0.5) for k, how in settings]
    assert shape(shown(study, results, "method.k")) == {"fsdd": {"": 3}}
    assert shape(shown(study, results, "method.transformation")) == {"fsdd": {"": 2}}


def test_each_data_set_has_a_panel_with_its_own_levels(make_study: MakeStudy, make_result: MakeResult) -> None:
    study = make_study(
        {"axes": {"method.epsilon": (1, 5)}}, {"dataset": "20newsgroups", "axes": {"method.epsilon": (10, 20)}}
    )
    results = [
        *crossed(make_result, {"method.epsilon": (1, 5)}),
        *crossed(make_result, {"method.epsilon": (10, 20)}, dataset="20newsgroups"),
    ]
    assert axes_of(study, variants_in(study, results)) == ("method.epsilon",)
    figure = shown(study, results, "method.epsilon")
    assert {panel.title: panel.levels for panel in figure.panels} == {"fsdd": (1, 5), "20newsgroups": (10, 20)}


def test_methods_of_different_cases_are_compared_at_their_baselines(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({"method": "pca"}, {"axes": {"method.k": (50, 100)}, "baseline": {"method.k": 100}})
    results = [make_result({}, 0, 0.5, method="pca"), *crossed(make_result, {"method.k": (50, 100)})]
    assert axes_of(study, variants_in(study, results)) == ("method.k", "method")
    (panel,) = shown(study, results, "method").panels
    assert panel.levels == ("pca", "invariant")
    assert [member.variant.levels for line in panel.lines for member in line.members] == [{}, {"method.k": 100}]


def test_data_sets_have_a_figure_where_nothing_else_varies(make_study: MakeStudy, make_result: MakeResult) -> None:
    study = make_study({}, {"dataset": "digits"})
    results = [make_result({}, 0, 0.5, dataset=name) for name in ("fsdd", "digits")]
    assert axes_of(study, variants_in(study, results)) == ("dataset",)
    assert shape(shown(study, results, "dataset")) == {"": {"": 2}}


def test_a_single_variant_has_no_figure(make_study: MakeStudy, make_result: MakeResult) -> None:
    study = make_study({})
    assert axes_of(study, variants_in(study, [make_result({}, 0, 0.5)])) == ()


@pytest.mark.parametrize(
    ("levels", "numeric", "logarithmic"),
    [
        ((1, 2, 3), True, False),
        ((1, 2, 5), True, True),  # geometric: the factors 2 and 2.5 vary less than the steps 1 and 3
        ((1, 2), True, False),
        ((5, 60, 100), True, False),
        ((1, 60, 100), True, False),  # two decades
        ((1, 60, 101), True, True),
        ((0, 0.001, 1.0), True, True),  # zero is left out of the count
        ((0.5, "adaptive"), False, False),
        ((True, False), False, False),
        ((None, 1), False, False),
    ],
)
def test_numbers_that_are_geometric_or_span_more_than_two_decades_are_logarithmic(
    make_study: MakeStudy, make_result: MakeResult, levels: tuple[Value, ...], numeric: bool, logarithmic: bool
) -> None:
    axes = {"method.width": levels}
    (panel,) = shown(make_study({"axes": axes}), crossed(make_result, axes), "method.width").panels
    assert (panel.numeric, panel.logarithmic) == (numeric, logarithmic)


def test_numeric_levels_are_sorted_and_others_keep_the_studys_order(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    numbers = {"method.width": (10, 1, 5)}
    words = {"method.how": ("vat", "np", "rp")}
    assert shown(make_study({"axes": numbers}), crossed(make_result, numbers), "method.width").panels[0].levels == (
        1,
        5,
        10,
    )
    assert shown(make_study({"axes": words}), crossed(make_result, words), "method.how").panels[0].levels == (
        "vat",
        "np",
        "rp",
    )


def test_methods_of_an_axis_and_of_other_cases_share_a_panel(make_study: MakeStudy, make_result: MakeResult) -> None:
    study = make_study({"axes": {"method": ("pca", "nmf")}}, {"method": "cpc"})
    results = [make_result({"method": name}, 0, 0.5, method=name) for name in ("pca", "nmf")]
    figure = shown(study, [*results, make_result({}, 0, 0.5, method="cpc")], "method")
    assert [panel.levels for panel in figure.panels] == [("pca", "nmf", "cpc")]
