"""The figure of differences from the baseline."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.axes import Axes

from ablate.draw.differences import draw_differences
from ablate.draw.figure_specs import MAX_ROWS, DifferenceFigure, difference_figure
from ablate.stats.comparisons import compare_with_baselines
from ablate.stats.results import Result
from ablate.stats.variants import variants_of
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
MakeResult = Callable[..., Result]
METRIC = "linear/accuracy"
NOISE = (-0.01, 0.0, 0.01)


@pytest.fixture
def figure(make_study: MakeStudy, make_result: MakeResult) -> Callable[..., DifferenceFigure]:
    """A function that makes the figure of an axis k, whose means are given by level, the first level's the baseline."""

    def make(means: dict[int, float], margin: float | None = None) -> DifferenceFigure:
        study = make_study({"axes": {"method.k": tuple(means)}})
        results = [
            make_result({"method.k": level}, seed, mean + (1 + index % 3) * NOISE[seed])
            for index, (level, mean) in enumerate(means.items())
            for seed in range(3)
        ]
        return difference_figure(METRIC, compare_with_baselines(variants_of(study, results, METRIC), 1, margin))

    return make


def drawn(axes: Axes, marker: str) -> list[tuple[float, float, bool]]:
    """The points drawn with a marker, and whether they are filled."""
    return [
        (round(float(x), 9), round(float(y), 9), line.get_markerfacecolor() != "white")
        for line in axes.get_lines()
        if line.get_marker() == marker
        for x, y in np.asarray(line.get_xydata())
    ]


def test_shown_differences_are_filled_and_open_ones_hollow(figure: Callable[..., DifferenceFigure]) -> None:
    (axes,) = draw_differences(figure({50: 0.5, 100: 0.8, 200: 0.501})).axes
    assert drawn(axes, "o") == [(0.3, 0.0, True), (0.001, 1.0, False)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["k=100", "k=200"]
    assert axes.get_xlabel() == "linear accuracy minus that of k=50\n(percentage points)"
    seeds = [x for x, row, _ in drawn(axes, ".") if row < 0.5]
    assert seeds == pytest.approx([0.29, 0.3, 0.31])  # 1 and 2 times the noise: the difference has it once


def test_the_key_with_every_entry_fits_the_figure_with_the_wider_letters_of_browsers(
    figure: Callable[..., DifferenceFigure],
) -> None:
    drawing = draw_differences(figure({50: 0.5, 100: 0.8, 200: 0.501, 400: 0.502}, margin=0.01))
    drawing.draw_without_rendering()
    (key,) = drawing.legends
    assert len(key.get_texts()) >= 5
    assert key.get_window_extent().width <= 0.85 * drawing.bbox.width
    assert key.get_window_extent().y0 >= 0


def test_the_interval_of_all_comparisons_together_is_a_thin_line_behind_that_of_each(
    figure: Callable[..., DifferenceFigure],
) -> None:
    spec = figure({50: 0.5, 100: 0.8, 200: 0.501})
    drawing = draw_differences(spec)
    lines = [line for line in drawing.axes[0].get_lines() if line.get_linewidth() < 1]
    assert [tuple(line.get_xdata()) for line in lines] == [row.comparison.simultaneous for row in spec.rows]
    # of k=100: 0.3 ± 6.205 · 0.01 / √3, for 6.205 = t(1 − 0.05 / 4, 2) of two comparisons
    assert spec.rows[0].comparison.simultaneous == pytest.approx((0.264175, 0.335825), abs=1e-5)
    legend = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert "all together (95 % interval)" in legend
    (single,) = figure({50: 0.5, 100: 0.8}).rows
    assert single.comparison.simultaneous is None  # it would be that of the difference


def test_of_many_variants_the_largest_differences_are_drawn(figure: Callable[..., DifferenceFigure]) -> None:
    many = figure({level: 0.5 + 0.001 * level for level in range(40)})
    assert len(many.rows) == MAX_ROWS
    assert many.note == "the 30 largest of 39"
    assert many.rows[-1].label == "k=39"
    assert many.rows[0].label == "k=10"
    (axes,) = draw_differences(many).axes
    extents = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert all(upper.y0 >= lower.y1 for upper, lower in pairwise(extents))


def test_the_margin_is_a_band(figure: Callable[..., DifferenceFigure]) -> None:
    (axes,) = draw_differences(figure({50: 0.5, 100: 0.8}, margin=0.05)).axes
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((-0.05, 0.05))
