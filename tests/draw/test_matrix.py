"""Heat maps."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from ablate.draw.matrix import blocks_of, draw_blocks, draw_matrix, write_values
from ablate.probes.probe import Matrix

Size = Callable[[Path], tuple[int, int]]
NAN, INF = float("nan"), float("inf")


def square(values: list[list[float]], names: tuple[str, ...]) -> Matrix:
    """A matrix with values from 0 to 1 whose rows and columns have the same names."""
    return Matrix(np.array(values), names, names, 0.0, 1.0)


def test_a_block_is_a_run_of_equal_names() -> None:
    assert blocks_of(["a", "a", "b", "a"]) == [("a", 0, 2), ("b", 2, 3), ("a", 3, 4)]


def test_a_block_is_named_at_its_middle_and_separated_by_a_line_from_the_next() -> None:
    axes = Figure().add_subplot()
    draw_blocks(axes, square([[0.0] * 3] * 3, ("cat", "cat", "dog")))
    assert axes.get_xticks().tolist() == axes.get_yticks().tolist() == [0.5, 2.0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
    assert [np.asarray(line.get_xydata())[0].tolist() for line in axes.get_lines()] == [[1.5, 0.0], [0.0, 1.5]]


def test_finite_values_are_written_in_their_cells_in_white_on_dark_ones() -> None:
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
def test_matrices_of_any_shape_without_finite_values_are_drawn(
    shape: tuple[int, int], names: str, tmp_path: Path, png_size: Size
) -> None:
    rows, columns = (tuple(f"{names}{index}" for index in range(count)) for count in shape)
    values = np.full(shape, NAN)
    values[0, 0] = INF
    draw_matrix(Matrix(values, rows, columns, -1.0, 1.0), tmp_path / "matrix.png", "views · seed 0")
    assert min(png_size(tmp_path / "matrix.png")) > 100
