"""Figures with sizes in inches, written as PNG files."""

from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib._pylab_helpers import Gcf

from ablate.draw.canvas import add_axes, save, title_height, titled_figure

Size = Callable[[Path], tuple[int, int]]


def test_axes_have_their_position_and_size_in_inches() -> None:
    figure = titled_figure(4.0, 2.0, "")
    assert add_axes(figure, 1.0, 0.5, 2.0, 1.0).get_position().bounds == (0.25, 0.25, 0.5, 0.5)


def test_a_title_of_two_lines_needs_a_fifth_of_an_inch_more() -> None:
    assert title_height("word " * 20) - title_height("word") == pytest.approx(0.2)


def test_saving_replaces_the_file_and_leaves_no_other_file_or_open_figure(tmp_path: Path, png_size: Size) -> None:
    file = tmp_path / "picture.png"
    file.write_text("an older picture")
    save(titled_figure(3.0, 2.0, "epsilon=2 · seed 0"), file)
    assert png_size(file) == (360, 240)  # 120 dots an inch
    assert list(tmp_path.iterdir()) == [file]
    assert Gcf.get_all_fig_managers() == []
