"""Draws mean ranks with their critical difference: bars join variants that are not distinguished (Demšar 2006)."""

from matplotlib.figure import Figure

from ablate.draw.canvas import style_axes
from ablate.draw.differences import shortened
from ablate.draw.figure_specs import RankFigure
from ablate.draw.style import COLORS, DPI, INK, LABEL, TEXT
from ablate.draw.vector import set_tips

WIDTH = 8.0  # inches
ROW = 0.34  # inches
FRAME = 1.4  # inches for the axis and its name
STEP = 0.16  # of a row, between bars that overlap


def draw_ranks(spec: RankFigure) -> Figure:
    """A row per variant with its mean rank, the best at the top; a bar per group whose ranks do not differ."""
    ranking = spec.ranking
    rows, bars = len(ranking.labels), ranking.alike
    figure = Figure(figsize=(WIDTH, FRAME + ROW * max(3, rows)), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    style_axes(axes, grid="both")
    axes.grid(visible=False, axis="y")
    (dots,) = axes.plot(ranking.mean_ranks, range(rows), "o", color=COLORS[0], markersize=8, zorder=3)
    ranks = zip(ranking.labels, ranking.mean_ranks, strict=True)
    set_tips(dots, [f"{label}: mean rank {rank:.2f}" for label, rank in ranks])
    right = max(*ranking.mean_ranks, 1 + ranking.critical_difference)
    for number, (first, last) in enumerate(bars):
        place = right + 0.12 * (number + 1)
        axes.plot([place] * 2, [first - STEP, last + STEP], color=INK, linewidth=4, solid_capstyle="butt", zorder=2)
    axes.plot([1, 1 + ranking.critical_difference], [-0.75] * 2, color=INK, linewidth=2, marker="|", markersize=8)
    text = f"critical difference {ranking.critical_difference:.2f}"
    axes.text(1 + ranking.critical_difference / 2, -0.85, text, ha="center", va="bottom", fontsize=TEXT, color=INK)
    axes.set_yticks(range(rows), shortened(ranking.labels))
    axes.set_ylim(rows - 0.4, -1.5)
    axes.set_xlim(0.85, right + 0.12 * (len(bars) + 1))
    axes.set_xlabel(f"mean rank on {len(ranking.datasets)} data sets, 1 is best", fontsize=LABEL, color=INK)
    return figure
