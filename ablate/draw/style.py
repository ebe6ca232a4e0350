"""Colours, markers, resolution and type sizes of all pictures."""

DPI = 120

INK = "#333333"  # text, axes, and marks that belong to no series
PALE = "#8c8c8c"  # legend entries that stand for marks of several colours
GRID_COLOR = "#dddddd"
# ten colours that colour-blind readers can distinguish
# (Petroff 2021, Accessible Color Sequences for Data Visualization)
COLORS = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")
MARKERS = ("o", "^", "s", "v", "P")
SEQUENTIAL, DIVERGING = "Blues", "RdBu_r"  # colour maps

TITLE, LABEL, TEXT, CELL = 12, 10, 9, 8  # points: titles; names of axes and panels; ticks and legends; matrix cells
LETTER = 0.6 * TEXT  # points that a letter of a tick label takes
LINE = 1.25 * TEXT  # points from one line of tick labels to the next


def series_style(index: int) -> tuple[str, str]:
    """The colour and the marker of a series."""
    return COLORS[index % len(COLORS)], MARKERS[index % len(MARKERS)]
