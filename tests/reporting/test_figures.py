"""What stands in the figures."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread

from ablate.draw.figures import Expected, draw, draw_history, readable
from ablate.draw.panels import layout
from ablate.papers.reference import Printed
from ablate.reporting.paper import expected
from ablate.reporting.render import png
from ablate.stats.results import Result
from ablate.stats.variants import Variant, variants
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
Make = Callable[..., Result]
METRIC = "linear/accuracy"
SCORES = (0.7, 0.8, 0.9)


def nothing(_: Variant) -> Printed | None:
    return None


def panels(study: Study, results: list[Result], axis: str, printed: Expected = nothing) -> list[Axes]:
    """The visible pairs of axes of one figure."""
    picture = layout(study, variants(study, results, METRIC), axis)
    return [axes for axes in draw(picture, METRIC, printed).axes if axes.get_visible()]


def drawn(axes: Axes, marker: str) -> list[tuple[float, float]]:
    """Where a marker stands."""
    return [
        (float(x), float(y))
        for line in axes.get_lines()
        if line.get_marker() == marker
        for x, y in np.asarray(line.get_xydata())
    ]


def test_means_seeds_and_intervals_stand_at_their_values(study: MakeStudy, result: Make) -> None:
    results = [result({"method.k": k}, seed, SCORES[seed]) for k in (50, 100) for seed in range(3)]
    (axes,) = panels(study({"axes": {"method.k": (50, 100)}}), results, "method.k")
    marks = [(x, round(y, 12)) for x, y in drawn(axes, "o")]
    assert marks == [(50, 0.8), (100, 0.8), (50, 0.8)]  # the last is the baseline's ring
    assert drawn(axes, ".") == [(k, score) for k in (50, 100) for score in SCORES]
    ends = [list(map(float, np.asarray(line.get_ydata()))) for line in axes.get_lines() if line.get_marker() == "None"]
    assert ends[0] == pytest.approx([0.5515862, 1.0484138], abs=1e-6)
    low, high = axes.get_ylim()
    assert low < 0.5515862
    assert high > 1.0484138


def test_the_papers_values_stand_beside_with_their_deviation(study: MakeStudy, result: Make) -> None:
    levels = ("np", "rp", "rp+vat", "vat")
    asked = study({"axes": {"method.transformation": levels}}, paper={"id": "invariant-features", "table": "V"})
    results = [result({"method.transformation": level}, 0, 0.5) for level in levels]
    (axes,) = panels(asked, results, "method.transformation", lambda one: expected(asked, one, METRIC))
    assert drawn(axes, "D") == [(0, 0.379), (1, 0.531), (2, 0.847), (3, 0.869)]
    assert [label.get_text() for label in axes.get_xticklabels()] == list(levels)
    assert axes.get_ylim()[1] > 0.847 + 0.037


def test_levels_over_more_than_two_decades_stand_on_a_log_scale(study: MakeStudy, result: Make) -> None:
    def scale(levels: tuple[float, ...]) -> str:
        results = [result({"method.beta": level}, 0, 0.5) for level in levels]
        (axes,) = panels(study({"axes": {"method.beta": levels}}), results, "method.beta")
        return str(axes.get_xscale())

    assert scale((0.001, 0.1, 1.0)) == "log"
    assert scale((0.0, 0.001, 1.0)) == "symlog"
    assert scale((1.0, 2.0, 5.0)) == "linear"


def test_panels_of_one_data_set_share_their_scale(study: MakeStudy, result: Make) -> None:
    axes = {"method.k": (1, 2, 3, 4, 5, 6), "method.how": ("rp", "vat")}
    results = [
        result({"method.k": k, "method.how": how}, 0, k / 10) for k in (1, 2, 3, 4, 5, 6) for how in ("rp", "vat")
    ]
    found = panels(study({"axes": axes}), results, "method.how")
    assert len(found) == 6
    assert len({panel.get_ylim() for panel in found}) == 1


def test_labels_that_would_touch_are_left_out() -> None:
    assert readable(["1", "2", "4", "8"], [0, 5, 30, 60]) == ["1", "", "4", "8"]


def test_a_search_shows_the_best_so_far() -> None:
    (axes,) = draw_history([(1, 0.3), (2, 0.2), (4, 0.5)], "maximize", METRIC).axes
    points, best = (np.asarray(line.get_xydata()).tolist() for line in axes.get_lines())
    assert points == [[1, 0.3], [2, 0.2], [4, 0.5]]
    assert best == [[1, 0.3], [2, 0.3], [4, 0.5]]
    (axes,) = draw_history([(1, 0.3), (2, 0.2), (4, 0.5)], "minimize", METRIC).axes
    assert np.asarray(axes.get_lines()[1].get_ydata()).tolist() == [0.3, 0.2, 0.2]


def test_the_picture_is_not_blank_and_the_same_each_time(study: MakeStudy, result: Make) -> None:
    asked = study({"axes": {"method.k": (50, 100)}})
    results = [result({"method.k": k}, seed, SCORES[seed]) for k in (50, 100) for seed in range(3)]
    picture = layout(asked, variants(asked, results, METRIC), "method.k")
    first, second = (png(draw(picture, METRIC, nothing)) for _ in range(2))
    assert first == second
    pixels = imread(BytesIO(first), format="png")
    assert pixels.shape[1] == 1200
    assert 0.005 < (pixels[..., :3].min(axis=-1) < 0.5).mean() < 0.5
