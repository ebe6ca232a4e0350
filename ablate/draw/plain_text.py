"""Text of figures as it is: a level such as `$x_{` is no mathematics, which matplotlib would refuse to draw."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@contextmanager
def plain_text(figure: Figure) -> Iterator[None]:
    """Draw the figure's text without looking for mathematics in it, also the text of ticks that are made meanwhile.

    Numbers at logarithmic ticks, which matplotlib writes as mathematics, are written as `0.01`.
    """
    from matplotlib import rc_context
    from matplotlib.text import Text

    with_plain_powers(figure)
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
    with rc_context({"text.parse_math": False}):
        yield


def with_plain_powers(figure: Figure) -> None:
    """Write the numbers at ticks without powers of ten."""
    from matplotlib.ticker import LogFormatterMathtext, LogFormatterSciNotation

    class PlainNumbers(LogFormatterSciNotation):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        if isinstance(axis.get_major_formatter(), LogFormatterMathtext):
            axis.set_major_formatter(PlainNumbers())
        if isinstance(axis.get_minor_formatter(), LogFormatterMathtext):
            axis.set_minor_formatter(PlainNumbers())
