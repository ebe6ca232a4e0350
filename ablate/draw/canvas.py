"""The paper that pictures are drawn on: sizes in inches, one look, a file written whole."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 110
LEFT = 0.8  # margin in inches
INK = "#333333"
GRID = "#dddddd"


def blank(width: float, height: float, title: str) -> Figure:
    """An empty figure, in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(
        wrapped(title),
        x=LEFT / width,
        y=1 - 0.12 / height,
        ha="left",
        va="top",
        fontsize=12,
        color=INK,
        parse_math=False,
    )
    return figure


def wrapped(title: str) -> str:
    return "\n".join(textwrap.wrap(title, 68))


def headroom(title: str) -> float:
    """Inches that a title needs above what is drawn."""
    return 0.6 + 0.2 * wrapped(title).count("\n")


def room(figure: Figure, right: float, top: float, bottom: float) -> None:
    """Keep margins, in inches: a layout engine would take longer than the drawing."""
    width, height = figure.get_size_inches()
    top += 0.2 * figure.get_suptitle().count("\n")
    figure.subplots_adjust(LEFT / width, bottom / height, 1 - right / width, 1 - top / height, hspace=0.15)


def place(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes of a place and size in inches."""
    across, down = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / down, width / across, height / down))


def plain(axes: Axes) -> None:
    """A light grid and no frame that the eye must read past."""
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.tick_params(colors=INK, labelsize=9)


def say(figure: Figure, words: str) -> None:
    """Words in place of a picture."""
    figure.text(0.5, 0.5, words, ha="center", va="center", color=INK)


def save(figure: Figure, file: Path) -> None:
    """Write a PNG whole or not at all."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    figure.savefig(unfinished, format="png", pil_kwargs={"compress_level": 3})
    unfinished.replace(file)
