"""A figure for each axis: the metric with its interval, every seed, the baseline and what the paper printed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation, Transform

from ablate.draw.labels import level_text
from ablate.draw.panels import Layout, Panel
from ablate.options import Value
from ablate.papers.reference import Printed
from ablate.stats.variants import Variant
from ablate.trial import short

Marks = Sequence[tuple[float, Variant]]  # where on the axis
Expected = Callable[[Variant], Printed | None]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")  # of Okabe and Ito 2008, for every kind of sight
MARKERS = ("o", "s", "^", "v", "P")
INK, PALE = "#222222", "#8C8C8C"
WIDTH, DPI = 8.0, 150  # inches; at 800 pixels a letter keeps its ten points
LETTER = 5.5  # points that a letter of a tick label takes
GAP = 9.0  # points between the marks that share a level
MARGIN = 0.07  # of the range, kept free at each end


def draw(layout: Layout, metric: str, expected: Expected) -> Figure:
    """The figure of one axis; `expected` is what the paper printed of a variant."""
    count = len(layout.panels)
    columns = count if count < 3 else 2 if count == 4 else 3
    rows = -(-count // columns)
    height = 1.2 + rows * (3.4 if columns < 3 else 2.7)
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    cells = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, panel in zip(cells, layout.panels, strict=False):
        draw_panel(axes, panel, layout, expected, WIDTH * 72 / columns)
        axes.set_ylim(limits(layout, panel, expected))
    for axes in cells[max(0, count - columns) : count]:
        axes.set_xlabel(short(layout.axis), fontsize=11)
    for axes in cells[count:]:
        axes.set_visible(False)
    figure.supylabel(metric, fontsize=11)
    handles = list(legend(layout, expected))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(4, len(handles)), fontsize=10, frameon=False)
    return figure


def draw_panel(axes: Axes, panel: Panel, layout: Layout, expected: Expected, width: float) -> None:
    """One pair of axes, `width` points wide."""
    style_axes(axes, panel.title)
    room, count = place_levels(axes, panel, width), len(panel.lines)
    gap = min(GAP, 0.3 * room / (1 if panel.numeric else count))  # from a mean to its seeds, and to the paper's value
    for position, line in enumerate(panel.lines):
        colour, marker = look(labels(layout).index(line.label))
        shift = (position - (count - 1) / 2) * gap * (1 / 3 if panel.numeric else 3)  # a number stays near its place
        marks = [(position_of(panel, one.level(layout.axis)), one) for one in line.variants]
        draw_means(axes, marks, colour, marker, "-" if panel.numeric else "none", moved(axes, shift))
        draw_seeds(axes, marks, colour, moved(axes, shift + gap))
        draw_expected(axes, marks, colour if count > 1 else INK, moved(axes, shift - gap), expected)


def draw_means(axes: Axes, marks: Marks, colour: str, marker: str, style: str, at: Transform) -> None:
    """Means with their intervals, a ring around the baseline."""
    scored = [(x, one.estimate.mean, one) for x, one in marks if one.estimate.mean is not None]
    xs, means = [x for x, _, _ in scored], [mean for _, mean, _ in scored]
    axes.plot(xs, means, color=colour, marker=marker, ms=6, linewidth=1.2, linestyle=style, transform=at, zorder=4)
    for x, mean, one in scored:
        axes.plot([x, x], interval(one), color=colour, linewidth=2, transform=at, zorder=3)
        if one.baseline:
            axes.plot([x], [mean], "o", mfc="none", mec=INK, ms=14, mew=1.3, transform=at, zorder=5)


def draw_seeds(axes: Axes, marks: Marks, colour: str, at: Transform) -> None:
    for x, one in marks:
        values = list(one.scores.values())
        axes.plot([x] * len(values), values, ".", color=colour, alpha=0.55, markersize=5, transform=at, zorder=2)


def draw_expected(axes: Axes, marks: Marks, colour: str, at: Transform, expected: Expected) -> None:
    """The paper's values as hollow diamonds, with what it prints behind ±."""
    for x, one in marks:
        printed = expected(one)
        if printed is not None:
            axes.plot([x, x], reach(printed), color=colour, linewidth=1.2, transform=at, zorder=2)
            axes.plot([x], [printed.value], "D", mfc="white", mec=colour, ms=5.5, mew=1.3, transform=at, zorder=5)


def draw_history(scores: Sequence[tuple[int, float]], direction: str, metric: str) -> Figure:
    """A search: the mean of each proposal by its number (from 1), and the best so far."""
    figure = Figure(figsize=(WIDTH, 4.2), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    style_axes(axes, "")
    numbers, means = [number for number, _ in scores], [mean for _, mean in scores]
    best = list(accumulate(means, max if direction == "maximize" else min))
    axes.plot(numbers, means, "o", color=COLOURS[0], markersize=5, alpha=0.7, label="mean of a proposal")
    axes.step(numbers, best, where="post", color=COLOURS[1], linewidth=2, label="best so far")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("proposal", fontsize=11)
    axes.set_ylabel(metric, fontsize=11)
    figure.legend(loc="outside lower center", ncols=2, fontsize=10, frameon=False)
    return figure


def style_axes(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=11)
    axes.grid(axis="y", color="#E4E4E4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=10)


def place_levels(axes: Axes, panel: Panel, width: float) -> float:
    """Put numbers at their place and words side by side; return the points between the nearest two.

    Labels that would touch are left out, long words are turned.
    """
    texts = [level_text(level) for level in panel.levels]
    places = [position_of(panel, level) for level in panel.levels]
    if panel.logarithmic:
        smallest = min(abs(place) for place in places if place)
        axes.set_xscale(**({"value": "log"} if min(places) > 0 else {"value": "symlog", "linthresh": smallest}))
    forward = axes.xaxis.get_transform()
    scaled = [float(value) for value in forward.transform(places)]
    pad = (0.08 * (scaled[-1] - scaled[0]) or 0.5) if panel.numeric else 0.6
    ends = forward.inverted().transform([scaled[0] - pad, scaled[-1] + pad])
    axes.set_xlim(float(ends[0]), float(ends[1]))
    room = 0.8 * width / (scaled[-1] - scaled[0] + 2 * pad)  # points for one unit of the axis
    turned = not panel.numeric and max(map(len, texts)) * LETTER > room
    shown = readable(texts, [room * value for value in scaled]) if panel.numeric else texts
    axes.set_xticks(places, shown)
    if turned:
        axes.tick_params(axis="x", labelrotation=30)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    axes.minorticks_off()
    return min((room * (right - left) for left, right in pairwise(scaled)), default=width)


def readable(texts: Iterable[str], places: Iterable[float]) -> list[str]:
    """Labels at places in points, those that would touch the one before left empty."""
    shown, free = [], float("-inf")
    for text, place in zip(texts, places, strict=True):
        half = (len(text) + 1) * LETTER / 2
        fits = place - half >= free
        shown.append(text if fits else "")
        free = place + half if fits else free
    return shown


def limits(layout: Layout, panel: Panel, expected: Expected) -> tuple[float, float]:
    """The range of a panel's data set: panels of one data set are drawn to one scale."""
    datasets = {one.config.dataset for line in panel.lines for one in line.variants}
    alike = [one for one in members(layout) if one.config.dataset in datasets]
    values = [value for one in alike for value in extent(one, expected(one))]
    if not values:
        return 0.0, 1.0
    room = MARGIN * (max(values) - min(values)) or 0.05 * abs(values[0]) or 0.5
    return min(values) - room, max(values) + room


def interval(one: Variant) -> list[float]:
    """The ends of the interval; the mean twice where there is none."""
    estimate = one.estimate
    return [end for end in (estimate.low, estimate.high) if end is not None] or [estimate.mean or 0.0] * 2


def extent(one: Variant, printed: Printed | None) -> Iterator[float]:
    if one.scores:
        yield from (*one.scores.values(), *interval(one))
    if printed is not None:
        yield from reach(printed)


def reach(printed: Printed) -> tuple[float, float]:
    return printed.value - (printed.std or 0.0), printed.value + (printed.std or 0.0)


def legend(layout: Layout, expected: Expected) -> Iterator[Line2D]:
    """What each mark means; lines by name where there are several."""
    names = labels(layout)
    alone = "mean, 95 % interval" if any(one.estimate.n > 1 for one in members(layout)) else "one seed, no interval"
    for style, name in enumerate(names):
        colour, marker = look(style)
        yield Line2D([], [], color=colour, marker=marker, label=name if len(names) > 1 else alone)
    yield Line2D(
        [], [], color=COLOURS[0] if len(names) == 1 else PALE, marker=".", ls="none", alpha=0.55, label="a seed"
    )
    if any(one.baseline and one.scores for one in members(layout)):
        yield Line2D([], [], marker="o", ls="none", mfc="none", mec=INK, ms=12, mew=1.3, label="baseline")
    spreads = sorted({printed.spread for one in members(layout) if (printed := expected(one))})
    for spread in spreads:
        yield Line2D([], [], marker="D", color=INK, mfc="white", mec=INK, ms=5.5, label=f"paper ± {spread}")


def labels(layout: Layout) -> list[str]:
    """The names of all lines of all panels, each once."""
    return list(dict.fromkeys(line.label for panel in layout.panels for line in panel.lines))


def members(layout: Layout) -> Iterator[Variant]:
    return (one for panel in layout.panels for line in panel.lines for one in line.variants)


def position_of(panel: Panel, level: Value) -> float:
    return float(level or 0) if panel.numeric else float(panel.levels.index(level))


def look(style: int) -> tuple[str, str]:
    """The colour and the marker of a line."""
    return COLOURS[style % len(COLOURS)], MARKERS[style % len(MARKERS)]


def moved(axes: Axes, points: float) -> Transform:
    """The axes' own coordinates, moved to the right by points."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return axes.transData + ScaledTranslation(points / 72, 0, figure.dpi_scale_trans)
