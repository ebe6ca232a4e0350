"""Loss curves."""

from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from ablate.draw.curves import draw_curves, draw_panel, epoch_range, finite_points, group_by_magnitude

Size = Callable[[Path], tuple[int, int]]
NAN, INF = float("nan"), float("inf")


def test_curves_of_similar_magnitude_share_a_panel() -> None:
    curves = {
        "rate": [(1, 0.01), (2, 0.01)],
        "loss": [(1, 4.0), (2, 3.0)],
        "penalty": [(1, -100.0), (2, 0.0)],
        "term": [(1, 1.0), (2, 0.5)],
        "empty": [],
    }
    assert group_by_magnitude(curves) == [["penalty"], ["loss", "term"], ["rate"]]  # peaks 100, 4 and 1, 0.01


def test_a_panel_has_at_most_eight_curves() -> None:
    panels = group_by_magnitude({f"term{number}": [(1, 1.0)] for number in range(10)})
    assert [len(panel) for panel in panels] == [8, 2]


def test_points_that_are_not_finite_are_left_out() -> None:
    assert finite_points([(1, 2.0), (2, NAN), (3, INF), (4, 1.0)]) == [(1, 2.0), (4, 1.0)]


def test_epoch_range_covers_all_curves_with_a_margin_of_a_fiftieth() -> None:
    assert epoch_range({"a": [(1, 0.0), (51, 0.0)], "b": [(101, 0.0)]}) == (-1.0, 103.0)
    assert epoch_range({"a": [(7, 0.0)]}) == (6.5, 7.5)


@pytest.mark.parametrize(
    ("values", "scale"), [([100.0, 1.0], "log"), ([10.0, 1.0], "linear"), ([100.0, -1.0], "linear")]
)
def test_positive_values_over_a_wide_range_are_drawn_on_a_logarithmic_axis(values: list[float], scale: str) -> None:
    axes = Figure().add_subplot()
    draw_panel(axes, {"loss": list(enumerate(values, start=1))})
    assert axes.get_yscale() == scale
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["loss"]


def test_each_panel_adds_two_inches_to_the_picture(tmp_path: Path, png_size: Size) -> None:
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    draw_curves({"loss": [(1, 2.0), (2, 1.0)]}, one, "epsilon=2 · seed 0")
    draw_curves({"loss": [(1, 2.0), (2, 1.0)], "rate": [(1, 0.1), (2, 0.1)]}, two, "epsilon=2 · seed 0")
    assert png_size(one) == (840, 360)  # 7 x 3 inches at 120 dots an inch
    assert png_size(two) == (840, 600)


@pytest.mark.parametrize(
    "curves",
    [{}, {"loss": []}, {"loss": [(1, NAN)]}, {"loss": [(3, 0.0)]}, {"loss": [(1, 1.0), (2, NAN)], "zero": [(1, 0.0)]}],
)
def test_curves_without_points_and_titles_with_special_characters_are_drawn(
    curves: dict[str, list[tuple[int, float]]], tmp_path: Path, png_size: Size
) -> None:
    draw_curves(curves, tmp_path / "losses.png", "a $ sign, a_b^c, \\x · seed 0, " * 4)
    assert png_size(tmp_path / "losses.png")[0] == 840
