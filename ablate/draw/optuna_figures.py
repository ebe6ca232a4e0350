"""Figures of a search that Optuna draws: by matplotlib for files, by plotly for pages."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ablate.draw.style import DPI

if TYPE_CHECKING:
    import optuna
    from matplotlib.figure import Figure

WIDTH, ROW = 8.0, 4.2  # inches: of a figure, and the height of one without rows


@dataclass(frozen=True)
class OptunaFigure:
    """A figure of `optuna.visualization`, by the name of its function."""

    plot: str  # `plot_slice`
    stored: optuna.Study = field(compare=False)
    options: Mapping[str, Any] = field(default_factory=dict, compare=False)
    height: float = ROW  # inches


def draw_optuna(spec: OptunaFigure) -> Figure:
    """The figure of matplotlib; its style leaves that of other figures as it is."""
    import matplotlib

    if "matplotlib.pyplot" not in sys.modules:
        matplotlib.use("Agg")  # pyplot would look for a display
    from matplotlib import pyplot
    from numpy import ravel
    from optuna.visualization import matplotlib as drawn

    with quietly(), pyplot.rc_context({"text.parse_math": False}):
        figure: Figure = ravel(getattr(drawn, spec.plot)(spec.stored, **spec.options))[0].get_figure(root=True)
        pyplot.close(figure)
    figure.set_dpi(DPI)
    figure.set_size_inches(WIDTH, spec.height)
    for axes in figure.axes:
        axes.set_title("")  # the caption says what it is
    figure.suptitle("")
    figure.set_layout_engine("tight" if has_empty_rows(figure) else "constrained")
    return figure


def has_empty_rows(figure: Figure) -> bool:
    """Whether rows have no height, as those above and below a colour bar: a constrained layout divides by it."""
    from numpy import ravel

    grids = [spec.get_gridspec() for axes in figure.axes if (spec := axes.get_subplotspec()) is not None]
    return any(bool((ravel(grid.get_height_ratios()) == 0).any()) for grid in grids)


def plotly_json(spec: OptunaFigure) -> str:
    """Data and layout of the interactive figure, as plotly's script takes them."""
    import optuna.visualization

    with quietly():
        figure = getattr(optuna.visualization, spec.plot)(spec.stored, **spec.options)
    figure.update_layout(title=None, width=None, height=round(spec.height * 110), margin={"t": 30})
    text: str = figure.to_json()
    return text


@contextmanager
def quietly() -> Iterator[None]:
    """Without Optuna's warnings: that its figures are experimental, and that a setting has one value only."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(level)
