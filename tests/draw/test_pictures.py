"""A trial's pictures: what is drawn, and that nothing a trial can record breaks them."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib._pylab_helpers import Gcf
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from numpy.typing import NDArray
from PIL import Image

from ablate.draw.canvas import blank, place
from ablate.draw.pictures import (
    blocks_of,
    by_scale,
    contact_sheet,
    draw_blocks,
    draw_classes,
    draw_curves,
    draw_embedding,
    draw_images,
    draw_losses,
    draw_matrix,
    drawn,
    finite,
    principal_plane,
    span,
    write_values,
)
from ablate.probes.probe import Matrix

NAN, INF = float("nan"), float("inf")


def size(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        assert image.format == "PNG"
        return image.size


def legend_of(axes: Axes) -> Legend:
    legend = axes.get_legend()
    assert legend is not None
    return legend


def names(axes: Axes) -> list[str]:
    return [text.get_text() for text in legend_of(axes).get_texts()]


def classes(count: int, samples: int = 60) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    y = np.arange(samples) % count
    return np.random.default_rng(0).normal(size=(samples, 4)).astype(np.float32) + y[:, None], y


def test_curves_of_a_like_size_share_a_panel() -> None:
    curves = {
        "rate": [(1, 0.01), (2, 0.01)],
        "loss": [(1, 4.0), (2, 3.0)],
        "penalty": [(1, -100.0), (2, 0.0)],
        "term": [(1, 1.0), (2, 0.5)],
        "empty": [],
    }
    assert by_scale(curves) == [["penalty"], ["loss", "term"], ["rate"]]  # peaks 100, 4 and 1, 0.01


def test_a_panel_holds_no_more_curves_than_can_be_named_beside_it() -> None:
    panels = by_scale({f"term{number}": [(1, 1.0)] for number in range(10)})
    assert [len(panel) for panel in panels] == [8, 2]


def test_what_has_no_place_on_paper_is_left_out() -> None:
    assert finite([(1, 2.0), (2, NAN), (3, INF), (4, 1.0)]) == [(1, 2.0), (4, 1.0)]


def test_all_panels_span_the_epochs_of_all_curves() -> None:
    assert span({"a": [(1, 0.0), (51, 0.0)], "b": [(101, 0.0)]}) == (-1.0, 103.0)  # a fiftieth on either side
    assert span({"a": [(7, 0.0)]}) == (6.5, 7.5)


@pytest.mark.parametrize(
    ("values", "scale"), [([100.0, 1.0], "log"), ([10.0, 1.0], "linear"), ([100.0, -1.0], "linear")]
)
def test_what_falls_by_much_is_seen_on_a_logarithmic_axis(values: list[float], scale: str) -> None:
    axes = Figure().add_subplot()
    draw_curves(axes, {"loss": list(enumerate(values, start=1))})
    assert axes.get_yscale() == scale
    assert names(axes) == ["loss"]


def test_each_scale_makes_the_picture_taller(tmp_path: Path) -> None:
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    draw_losses({"loss": [(1, 2.0), (2, 1.0)]}, one, "epsilon=2 · seed 0")
    draw_losses({"loss": [(1, 2.0), (2, 1.0)], "rate": [(1, 0.1), (2, 0.1)]}, two, "epsilon=2 · seed 0")
    assert size(one) == (770, 330)  # 7 x 3 inches at 110 dots an inch
    assert size(two) == (770, 550)


@pytest.mark.parametrize(
    "history",
    [{}, {"loss": []}, {"loss": [(1, NAN)]}, {"loss": [(3, 0.0)]}, {"loss": [(1, 1.0), (2, NAN)], "zero": [(1, 0.0)]}],
)
def test_any_history_can_be_drawn(history: dict[str, list[tuple[int, float]]], tmp_path: Path) -> None:
    draw_losses(history, tmp_path / "losses.png", "a $ sign, a_b^c, \\x · seed 0, " * 4)
    assert size(tmp_path / "losses.png")[0] == 770


def test_the_plane_holds_the_directions_of_largest_variance() -> None:
    cross = np.array([[2.0, 0.0, 5.0], [-2.0, 0.0, 5.0], [0.0, 1.0, 5.0], [0.0, -1.0, 5.0]])
    plane, shares = principal_plane(cross, seed=0)
    np.testing.assert_allclose(abs(plane), abs(cross[:, :2]), atol=1e-12)
    np.testing.assert_allclose(shares, [0.8, 0.2])  # 4 + 4 and 1 + 1 of 10


def test_a_line_has_no_second_direction() -> None:
    plane, shares = principal_plane(np.array([[0.0], [1.0], [5.0]]), seed=0)
    np.testing.assert_allclose(abs(plane), [[2.0, 0.0], [1.0, 0.0], [3.0, 0.0]])
    np.testing.assert_allclose(shares, [1.0, 0.0])


def test_at_most_two_thousand_finite_samples_are_drawn_by_the_seed() -> None:
    x = np.zeros((3000, 2), np.float32)
    x[:500, 1] = NAN
    rows = drawn(x, seed=0)
    assert len(set(rows.tolist())) == 2000
    assert rows.min() >= 500
    assert np.array_equal(rows, drawn(x, seed=0))
    assert set(rows.tolist()) != set(drawn(x, seed=1).tolist())


def test_up_to_twenty_classes_are_named_each_with_its_own_look() -> None:
    axes = Figure().add_subplot()
    x, y = classes(20)
    draw_classes(axes, x[:, :2].astype(np.float64), y, np.unique(y))
    assert names(axes) == [str(label) for label in range(20)]
    assert len({(line.get_color(), line.get_marker()) for line in legend_of(axes).get_lines()}) == 20


def test_a_class_keeps_its_colour_when_others_are_not_drawn() -> None:
    axes = Figure().add_subplot()
    draw_classes(axes, np.zeros((1, 2)), np.array([7]), np.array([3, 5, 7]))
    assert names(axes) == ["3", "5", "7"]
    np.testing.assert_allclose(
        np.asarray(axes.collections[0].get_facecolor())[0, :3] * 255, [0xBD, 0x1F, 0x01]
    )  # the third


def test_more_than_twenty_classes_have_no_legend() -> None:
    axes = Figure().add_subplot()
    x, y = classes(21)
    draw_classes(axes, x[:, :2].astype(np.float64), y, np.unique(y))
    assert axes.get_legend() is None


def test_an_embedding_is_drawn_the_same_for_the_same_seed(tmp_path: Path) -> None:
    x, y = classes(3, samples=2100)
    files = [tmp_path / name for name in ("first.png", "again.png", "other.png")]
    for file, seed in zip(files, (0, 0, 1), strict=True):
        draw_embedding(x, y, file, "k=100 · seed 0", seed)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes() != files[2].read_bytes()
    assert size(files[0]) == (748, 638)  # 6.8 x 5.8 inches


@pytest.mark.parametrize(
    "x",
    [np.full((5, 3), 2.0), np.full((5, 3), NAN), np.arange(5.0)[:, None], np.ones((1, 4)), np.eye(5) * 1e30],
    ids=["collapsed", "diverged", "one dimension", "one sample", "huge"],
)
def test_any_embedding_can_be_drawn(x: NDArray[np.float64], tmp_path: Path) -> None:
    draw_embedding(x.astype(np.float32), np.arange(len(x)), tmp_path / "embedding.png", "k=100 · seed 0")
    assert size(tmp_path / "embedding.png") == (748, 638)


def test_a_picture_replaces_the_one_before_and_leaves_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "losses.png"
    file.write_text("an older picture")
    draw_losses({"loss": [(1, 2.0)]}, file, "k=100 · seed 0")
    assert size(file) == (770, 330)
    assert list(tmp_path.iterdir()) == [file]
    assert Gcf.get_all_fig_managers() == []  # nor a figure in memory


def square(values: list[list[float]], names: tuple[str, ...], low: float = 0.0) -> Matrix:
    return Matrix(np.array(values), names, names, low, 1.0)


def test_runs_of_one_name_are_a_block() -> None:
    assert blocks_of(["a", "a", "b", "a"]) == [("a", 0, 2), ("b", 2, 3), ("a", 3, 4)]


def test_a_block_is_named_at_its_middle_and_parted_from_the_next() -> None:
    axes = Figure().add_subplot()
    draw_blocks(axes, square([[0.0] * 3] * 3, ("cat", "cat", "dog")))
    assert axes.get_xticks().tolist() == axes.get_yticks().tolist() == [0.5, 2.0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
    assert [np.asarray(line.get_xydata())[0].tolist() for line in axes.get_lines()] == [[1.5, 0.0], [0.0, 1.5]]


def test_cells_tell_their_finite_values_in_white_on_the_dark_ones() -> None:
    axes = Figure().add_subplot()
    write_values(axes, square([[0.1, NAN], [0.5, 0.904]], ("a", "b")))
    assert [(text.get_text(), text.get_color()) for text in axes.texts] == [
        ("0.10", "#333333"),
        ("0.50", "#333333"),
        ("0.90", "white"),
    ]


@pytest.mark.parametrize(
    ("shape", "names"),
    [((1, 1), "a"), ((2, 2), "a $ sign, a_b^c, \\x "), ((40, 1), "a long name of a row"), ((80, 80), "x")],
)
def test_any_matrix_can_be_drawn(shape: tuple[int, int], names: str, tmp_path: Path) -> None:
    rows, columns = (tuple(f"{names}{place}" for place in range(count)) for count in shape)
    values = np.full(shape, NAN)
    values[0, 0] = INF
    draw_matrix(Matrix(values, rows, columns, -1.0, 1.0), tmp_path / "matrix.png", "views · seed 0")
    assert min(size(tmp_path / "matrix.png")) > 100


def test_a_sheet_holds_every_image_in_its_place_with_white_between() -> None:
    images = np.arange(4, dtype=np.float32).reshape(2, 2, 1, 1, 1).repeat(2, 3).repeat(2, 4) / np.float32(
        4
    )  # two pixels a side
    sheet = contact_sheet(images)
    line = [[0.0, 0.0, 1.0, 0.25, 0.25], [0.0, 0.0, 1.0, 0.25, 0.25]]
    other = [[0.5, 0.5, 1.0, 0.75, 0.75], [0.5, 0.5, 1.0, 0.75, 0.75]]
    for color in range(3):  # grey is all three
        assert sheet[:, :, color].tolist() == [*line, [1.0] * 5, *other]


def test_colours_stay_in_their_order() -> None:
    image = np.array([0.25, 0.5, 0.75], np.float32).reshape(1, 1, 3, 1, 1)
    assert contact_sheet(image).tolist() == [[[0.25, 0.5, 0.75]]]


def test_what_is_no_brightness_is_clipped_or_grey() -> None:
    image = np.array([[-1.0, 2.0], [NAN, INF]], np.float32).reshape(1, 1, 1, 2, 2)
    assert contact_sheet(image)[:, :, 0].tolist() == [[0.0, 1.0], [0.5, 0.5]]


def test_images_of_other_channels_are_drawn_as_their_mean() -> None:
    image = np.array([0.0, 0.5], np.float32).reshape(1, 1, 2, 1, 1)
    assert contact_sheet(image).tolist() == [[[0.25, 0.25, 0.25]]]


@pytest.mark.parametrize("shape", [(10, 10, 1, 28, 28), (1, 1, 3, 32, 32), (2, 5, 3, 8, 16), (0, 4, 1, 8, 8)])
def test_any_rows_of_images_can_be_drawn(shape: tuple[int, ...], tmp_path: Path) -> None:
    images = np.full(shape, 0.5, np.float32)
    names = [f"class {row} $_^" for row in range(shape[0])]
    draw_images(images, tmp_path / "samples.png", "a title that says much, " * 6, names)
    assert size(tmp_path / "samples.png")[0] >= 748


def test_an_axis_is_placed_in_inches() -> None:
    figure = blank(4.0, 2.0, "")
    assert place(figure, 1.0, 0.5, 2.0, 1.0).get_position().bounds == (0.25, 0.25, 0.5, 0.5)
