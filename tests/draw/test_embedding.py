"""Scatter plots of embeddings."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from numpy.typing import NDArray

from ablate.draw.embedding import draw_classes, draw_embedding, principal_plane, sample_rows

Size = Callable[[Path], tuple[int, int]]
NAN = float("nan")


def legend_of(axes: Axes) -> Legend:
    legend = axes.get_legend()
    assert legend is not None
    return legend


def names(axes: Axes) -> list[str]:
    return [text.get_text() for text in legend_of(axes).get_texts()]


def samples_of(classes: int, samples: int = 60) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Embeddings (N, 4) and their classes (N,)."""
    y = np.arange(samples) % classes
    return np.random.default_rng(0).normal(size=(samples, 4)).astype(np.float32) + y[:, None], y


def test_principal_plane_has_the_two_directions_of_largest_variance() -> None:
    cross = np.array([[2.0, 0.0, 5.0], [-2.0, 0.0, 5.0], [0.0, 1.0, 5.0], [0.0, -1.0, 5.0]])
    plane, shares = principal_plane(cross, seed=0)
    np.testing.assert_allclose(abs(plane), abs(cross[:, :2]), atol=1e-12)
    np.testing.assert_allclose(shares, [0.8, 0.2])  # 4 + 4 and 1 + 1 of 10


def test_second_component_of_one_dimensional_embeddings_is_zero() -> None:
    plane, shares = principal_plane(np.array([[0.0], [1.0], [5.0]]), seed=0)
    np.testing.assert_allclose(abs(plane), [[2.0, 0.0], [1.0, 0.0], [3.0, 0.0]])
    np.testing.assert_allclose(shares, [1.0, 0.0])


def test_at_most_two_thousand_finite_samples_are_chosen_by_the_seed() -> None:
    x = np.zeros((3000, 2), np.float32)
    x[:500, 1] = NAN
    rows = sample_rows(x, seed=0)
    assert len(set(rows.tolist())) == 2000
    assert rows.min() >= 500
    assert np.array_equal(rows, sample_rows(x, seed=0))
    assert set(rows.tolist()) != set(sample_rows(x, seed=1).tolist())


def test_twenty_classes_are_in_the_legend_each_with_its_own_colour_and_marker() -> None:
    axes = Figure().add_subplot()
    x, y = samples_of(20)
    draw_classes(axes, x[:, :2].astype(np.float64), y, np.unique(y))
    assert names(axes) == [str(label) for label in range(20)]
    assert len({(line.get_color(), line.get_marker()) for line in legend_of(axes).get_lines()}) == 20


def test_more_than_twenty_classes_have_no_legend() -> None:
    axes = Figure().add_subplot()
    x, y = samples_of(21)
    draw_classes(axes, x[:, :2].astype(np.float64), y, np.unique(y))
    assert axes.get_legend() is None


def test_the_colour_of_a_class_does_not_depend_on_which_classes_are_drawn() -> None:
    axes = Figure().add_subplot()
    draw_classes(axes, np.zeros((1, 2)), np.array([7]), np.array([3, 5, 7]))
    assert names(axes) == ["3", "5", "7"]
    third = [0xBD, 0x1F, 0x01]
    np.testing.assert_allclose(np.asarray(axes.collections[0].get_facecolor())[0, :3] * 255, third)


def test_equal_seeds_draw_equal_pictures(tmp_path: Path, png_size: Size) -> None:
    x, y = samples_of(3, samples=2100)
    files = [tmp_path / name for name in ("first.png", "again.png", "other.png")]
    for file, seed in zip(files, (0, 0, 1), strict=True):
        draw_embedding(x, y, file, "k=100 · seed 0", seed)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes() != files[2].read_bytes()
    assert png_size(files[0]) == (816, 696)  # 6.8 x 5.8 inches at 120 dots an inch


@pytest.mark.parametrize(
    "x",
    [np.full((5, 3), 2.0), np.full((5, 3), NAN), np.arange(5.0)[:, None], np.ones((1, 4)), np.eye(5) * 1e30],
    ids=["collapsed", "diverged", "one dimension", "one sample", "huge"],
)
def test_degenerate_embeddings_are_drawn(x: NDArray[np.float64], tmp_path: Path, png_size: Size) -> None:
    draw_embedding(x.astype(np.float32), np.arange(len(x)), tmp_path / "embedding.png", "k=100 · seed 0")
    assert png_size(tmp_path / "embedding.png") == (816, 696)
