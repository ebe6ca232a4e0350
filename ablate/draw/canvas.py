"""Figures with sizes in inches, axes in one style, and PNG files that are written atomically."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ablate.atomic_write import write_bytes
from ablate.draw.plain_text import plain_text
from ablate.draw.style import DPI, GRID_COLOR, INK, LABEL, TEXT, TITLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from ablate.study.words import Quantity

LEFT = 0.8  # margin in inches
MIN_WIDTH = 6.8  # inches of a figure with axes of any width, for its title
TITLE_LINE = 0.2  # inches
TITLE_LETTERS = 68  # in a line of a title
STEP = 0.618  # of the range of places between one seed and the next, modulo 1


def titled_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure of a size in inches, with its title at the top left; long titles are wrapped."""
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
        fontsize=TITLE,
        color=INK,
        parse_math=False,
    )
    return figure


def wrapped(title: str) -> str:
    return "\n".join(textwrap.wrap(title, TITLE_LETTERS))


def title_height(title: str) -> float:
    """Inches that a title needs at the top of a figure."""
    return 0.6 + TITLE_LINE * wrapped(title).count("\n")


def names_width(names: Sequence[str]) -> float:
    """Inches that tick labels need beside an axis."""
    return max(LEFT, 0.25 + 0.075 * max(map(len, names), default=0))


def set_margins(figure: Figure, right: float, top: float, bottom: float) -> None:
    """Set the margins in inches, `top` below a title of one line; constrained layout would take longer than drawing."""
    width, height = figure.get_size_inches()
    top += TITLE_LINE * figure.get_suptitle().count("\n")
    figure.subplots_adjust(LEFT / width, bottom / height, 1 - right / width, 1 - top / height, hspace=0.15)


def add_axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """New axes with a position and a size in inches."""
    figure_width, figure_height = figure.get_size_inches()
    return figure.add_axes((left / figure_width, bottom / figure_height, width / figure_width, height / figure_height))


def style_axes(axes: Axes, title: str = "", grid: Literal["both", "y"] = "both") -> None:
    """Draw a light grid below the data, and only the left and bottom spines."""
    axes.set_title(title, fontsize=LABEL, color=INK)
    axes.grid(axis=grid, color=GRID_COLOR, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.tick_params(colors=INK, labelsize=TEXT)


def jitter(place: int, count: int) -> float:
    """Where one of several seeds is drawn across its row or column, from −1 to 1: no two at the same place."""
    return 2 * (STEP * place % 1) - 1 if count > 1 else 0.0


def format_axis(axis: Axis, quantity: Quantity) -> None:
    """Show the numbers at an axis of a metric in its unit: times 100 where that is per cent."""
    from matplotlib.ticker import PercentFormatter

    if quantity.per_cent:
        axis.set_major_formatter(PercentFormatter(1.0, symbol=""))


def hide_frame(axes: Axes) -> None:
    """Hide spines and tick marks; tick labels stay."""
    axes.spines[:].set_visible(False)
    axes.tick_params(colors=INK, labelsize=TEXT, length=0)


def write_message(figure: Figure, text: str) -> None:
    """Write a text in the middle of a figure that has nothing to draw."""
    figure.text(0.5, 0.5, text, ha="center", va="center", color=INK)


def png(figure: Figure) -> bytes:
    """The figure as a PNG; equal figures give equal bytes."""
    content = BytesIO()
    with plain_text(figure):
        figure.savefig(content, format="png", metadata={"Software": None}, pil_kwargs={"compress_level": 3})
    return content.getvalue()


def save(figure: Figure, file: Path) -> None:
    """Write the figure as a PNG; the file is never incomplete."""
    write_bytes(file, png(figure))
