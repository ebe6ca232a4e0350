"""What the figures of a report draw."""

import re
from collections.abc import Callable, Mapping
from io import BytesIO

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread

from ablate.draw.canvas import png
from ablate.draw.figure_specs import AxisFigure, ComparedVariant, HistoryFigure, RankFigure, axis_figure
from ablate.draw.ranks import draw_ranks
from ablate.draw.report_figures import draw_axis_figure, draw_history, without_overlaps
from ablate.draw.vector import svg
from ablate.options import Value
from ablate.papers.reference import Printed, printed
from ablate.stats.across_datasets import Ranking
from ablate.stats.results import Result
from ablate.stats.variants import variants_of
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
MakeResult = Callable[..., Result]
METRIC = "linear/accuracy"
SCORES = (0.7, 0.8, 0.9)


def spec(study: Study, results: list[Result], axis: str, values: Mapping[Value, Printed] | None = None) -> AxisFigure:
    """The figure of an axis, with the values that a paper prints for its levels."""
    variants = variants_of(study, results, METRIC)
    compared = [ComparedVariant(variant, (values or {}).get(variant.level(axis))) for variant in variants]
    return axis_figure(study, compared, axis, METRIC)


def panels(figure: AxisFigure) -> list[Axes]:
    """The visible axes of a figure."""
    return [axes for axes in draw_axis_figure(figure).axes if axes.get_visible()]


def points(axes: Axes, marker: str) -> list[tuple[float, float]]:
    """The coordinates at which a marker is drawn."""
    return [
        (float(x), float(y))
        for line in axes.get_lines()
        if line.get_marker() == marker
        for x, y in np.asarray(line.get_xydata())
    ]


def test_means_seeds_and_intervals_are_drawn_at_their_values(make_study: MakeStudy, make_result: MakeResult) -> None:
    results = [make_result({"method.k": k}, seed, SCORES[seed]) for k in (50, 100) for seed in range(3)]
    (axes,) = panels(spec(make_study({"axes": {"method.k": (50, 100)}}), results, "method.k"))
    means = [(x, round(y, 12)) for x, y in points(axes, "o")]
    assert means == [(50, 0.8), (100, 0.8), (50, 0.8)]  # the last is the baseline's ring
    assert sorted(points(axes, ".")) == [(k, score) for k in (50, 100) for score in SCORES]
    ends = [list(map(float, np.asarray(line.get_ydata()))) for line in axes.get_lines() if line.get_marker() == "None"]
    assert ends[0] == pytest.approx([0.5515862, 1.0484138], abs=1e-6)
    low, high = axes.get_ylim()
    assert low < 0.5515862
    assert high > 1.0484138


def test_points_of_an_svg_have_the_tips_of_their_line_in_order() -> None:
    figure = draw_ranks(RankFigure(Ranking(("a & b", "c"), ("mnist", "fsdd"), ((1.0, 2.0), (2.0, 1.0)))))
    titles = re.findall(r"<use [^>]*><title>([^<]*)</title></use>", svg(figure).decode())
    assert titles == ["a &amp; b: mean rank 1.50", "c: mean rank 1.50"]


def test_the_papers_values_are_drawn_with_their_standard_deviations(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    levels = {"np": 0.379, "rp": 0.531, "rp+vat": 0.847, "vat": 0.869}
    study = make_study({"axes": {"method.transformation": tuple(levels)}})
    results = [make_result({"method.transformation": level}, 0, 0.5) for level in levels]
    rows: dict[Value, Printed] = {}
    for level in levels:
        (rows[level],) = printed(
            "invariant-features", "Table V", "fsdd", METRIC, "invariant", {"transformation": level}
        )
    (axes,) = panels(spec(study, results, "method.transformation", rows))
    assert points(axes, "D") == list(enumerate(levels.values()))
    assert [label.get_text() for label in axes.get_xticklabels()] == list(levels)
    assert axes.get_ylim()[1] > 0.847 + 0.037


@pytest.mark.parametrize(
    ("levels", "scale"), [((0.001, 0.1, 1.0), "log"), ((0.0, 0.001, 1.0), "symlog"), ((1.0, 2.0, 3.0), "linear")]
)
def test_levels_over_more_than_two_decades_have_a_logarithmic_axis(
    make_study: MakeStudy, make_result: MakeResult, levels: tuple[float, ...], scale: str
) -> None:
    results = [make_result({"method.beta": level}, 0, 0.5) for level in levels]
    (axes,) = panels(spec(make_study({"axes": {"method.beta": levels}}), results, "method.beta"))
    assert axes.get_xscale() == scale


def test_panels_of_one_data_set_have_the_same_limits(make_study: MakeStudy, make_result: MakeResult) -> None:
    axes = {"method.k": (1, 2, 3, 4, 5, 6), "method.how": ("rp", "vat")}
    results = [
        make_result({"method.k": k, "method.how": how}, 0, k / 10) for k in (1, 2, 3, 4, 5, 6) for how in ("rp", "vat")
    ]
    drawn = panels(spec(make_study({"axes": axes}), results, "method.how"))
    assert len(drawn) == 6
    assert len({panel.get_ylim() for panel in drawn}) == 1


def places(axes: Axes, marker: str) -> list[float]:
    """The pixels from the left at which a marker is drawn, of each of its lines once."""
    return [
        float(line.get_transform().transform(np.asarray(line.get_xydata()))[0, 0])
        for line in axes.get_lines()
        if line.get_marker() == marker
    ]


@pytest.mark.parametrize("levels", [(50, 100, 200), ("np", "rp", "vat")])
def test_the_seeds_of_a_level_are_apart_and_on_no_line_of_their_panel(
    make_study: MakeStudy, make_result: MakeResult, levels: tuple[Value, ...]
) -> None:
    lines = (0.1, 0.2, 0.4)
    axes = {"method.k": levels, "method.epsilon": lines}
    results = [
        make_result({"method.k": k, "method.epsilon": epsilon}, seed, 0.8)
        for k in levels
        for epsilon in lines
        for seed in range(3)
    ]
    figure = spec(make_study({"axes": axes}), results, "method.k")
    (panel,) = panels(figure)
    seeds, bars = places(panel, "."), places(panel, "None")
    assert len({round(place, 2) for place in seeds}) == 9  # three seeds of three lines, at the first level
    assert min(abs(seed - bar) for seed in seeds for bar in bars) > 2
    assert [places(axes, ".") for axes in panels(figure)] == [seeds]


def test_the_key_names_the_intervals_also_beside_several_lines(make_study: MakeStudy, make_result: MakeResult) -> None:
    axes = {"method.k": (50, 100, 200), "method.epsilon": (0.1, 0.2)}
    results = [
        make_result({"method.k": k, "method.epsilon": epsilon}, seed, SCORES[seed])
        for k in axes["method.k"]
        for epsilon in axes["method.epsilon"]
        for seed in range(3)
    ]
    (legend,) = draw_axis_figure(spec(make_study({"axes": axes}), results, "method.k")).legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["epsilon=0.1", "epsilon=0.2", "95 % interval", "a seed", "baseline"]


@pytest.mark.parametrize("count", [3, 30])
@pytest.mark.parametrize("datasets", [1, 3])
def test_long_names_of_levels_do_not_overlap(
    make_study: MakeStudy, make_result: MakeResult, count: int, datasets: int
) -> None:
    words = tuple(f"a long name of a transformation {place}" for place in range(count))
    names = tuple(f"data{place}" for place in range(datasets))
    results = [
        make_result({"method.transformation": word, "dataset": name}, 0, 0.5, dataset=name)
        for word in words
        for name in names
    ]
    study = make_study({"axes": {"method.transformation": words, "dataset": names}})
    figure = draw_axis_figure(spec(study, results, "method.transformation"))
    png(figure)
    for axes in figure.axes:
        if not axes.get_visible():
            continue
        labels = [label for label in axes.get_xticklabels() if label.get_text()]
        assert len({label.get_text() for label in labels}) == count
        turn = np.deg2rad(labels[0].get_rotation())
        starts = [label.get_transform().transform(label.get_position())[0] for label in labels]
        apart = np.diff(starts) * np.sin(turn) if turn else np.diff(starts) - 120  # between their lines
        assert min(apart) >= labels[0].get_fontsize() * figure.dpi / 72
        assert axes.get_window_extent().height > 150  # the names leave the panel its height


def test_accuracy_is_in_per_cent_and_other_metrics_are_not(make_study: MakeStudy, make_result: MakeResult) -> None:
    results = [make_result({"method.k": k}, seed, SCORES[seed]) for k in (50, 100) for seed in range(3)]
    figure = draw_axis_figure(spec(make_study({"axes": {"method.k": (50, 100)}}), results, "method.k"))
    assert figure.get_supylabel() == "linear accuracy (%)"
    assert figure.axes[0].yaxis.get_major_formatter()(0.8, 0).startswith("80")
    (axes,) = draw_history(HistoryFigure("regression/rss", "minimize", ((1, 0.3), (2, 0.2)))).axes
    assert axes.get_ylabel() == "regression rss"
    assert axes.yaxis.get_major_formatter()(0.8, 0) != "80"


def test_labels_that_would_overlap_are_left_out() -> None:
    assert without_overlaps(["1", "2", "4", "8"], [0, 5, 30, 60]) == ["1", "", "4", "8"]


def test_the_history_of_a_search_has_each_mean_and_the_best_so_far() -> None:
    means = ((1, 0.3), (2, 0.2), (4, 0.5))
    (axes,) = draw_history(HistoryFigure(METRIC, "maximize", means)).axes
    each, best = (np.asarray(line.get_xydata()).tolist() for line in axes.get_lines())
    assert each == [[1, 0.3], [2, 0.2], [4, 0.5]]
    assert best == [[1, 0.3], [2, 0.3], [4, 0.5]]
    (axes,) = draw_history(HistoryFigure(METRIC, "minimize", means)).axes
    assert np.asarray(axes.get_lines()[1].get_ydata()).tolist() == [0.3, 0.2, 0.2]


def test_equal_figures_give_equal_bytes_and_are_not_blank(make_study: MakeStudy, make_result: MakeResult) -> None:
    study = make_study({"axes": {"method.k": (50, 100)}})
    results = [make_result({"method.k": k}, seed, SCORES[seed]) for k in (50, 100) for seed in range(3)]
    first, second = (png(draw_axis_figure(spec(study, results, "method.k"))) for _ in range(2))
    assert first == second
    pixels = imread(BytesIO(first), format="png")
    assert pixels.shape[1] == 960  # 8 inches at 120 dots an inch
    assert 0.005 < (pixels[..., :3].min(axis=-1) < 0.5).mean() < 0.5
