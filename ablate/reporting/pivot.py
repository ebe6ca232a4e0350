"""Tables of two axes: a row per level of one, a column per level of the other, such as methods by data sets."""

from collections.abc import Iterator, Sequence

from ablate.draw.figure_specs import ComparedVariant
from ablate.options import Value
from ablate.reporting.links import NO_LINKS, Links
from ablate.reporting.report import Cell, Measured, Table, scale_of
from ablate.stats.variants import CASE_AXES, Variant

MOST_COLUMNS = 8


def pivots(
    compared: Sequence[ComparedVariant], best: frozenset[int], smaller: bool, links: Links = NO_LINKS
) -> Iterator[tuple[str, Table]]:
    """A (title, table) of the two axes that vary; of three with the data set among them, one for each data set.

    None where other numbers of axes vary, or where fewer than half of the cells have a variant.
    """
    variants = [member.variant for member in compared]
    axes = varied_axes(variants)
    if len(axes) == 3 and "dataset" in axes:
        for dataset in dict.fromkeys(variant.config.dataset for variant in variants):
            places = [at for at, variant in enumerate(variants) if variant.config.dataset == dataset]
            table = pivot(variants, places, [axis for axis in axes if axis != "dataset"], best, smaller, links)
            if table.rows:
                yield variants[places[0]].words.level("dataset", dataset), table
    elif len(axes) == 2:
        table = pivot(variants, range(len(variants)), axes, best, smaller, links)
        if table.rows:
            yield "", table


def varied_axes(variants: Sequence[Variant]) -> list[str]:
    """The axes with two levels or more, the data set and the method among them."""
    axes = dict.fromkeys([*CASE_AXES, *(axis for variant in variants for axis in variant.levels)])
    return [axis for axis in axes if len(levels_of(variants, axis)) > 1]


def levels_of(variants: Sequence[Variant], axis: str) -> list[Value]:
    """The levels of an axis, in order of appearance."""
    return list(dict.fromkeys(variant.level(axis) for variant in variants if variant.has(axis)))


def pivot(
    variants: Sequence[Variant],
    places: Sequence[int],
    axes: Sequence[str],
    best: frozenset[int],
    smaller: bool,
    links: Links = NO_LINKS,
) -> Table:
    """The table of two axes, that with fewer levels in columns; no rows where most cells would be empty."""
    members = [variants[at] for at in places]
    few, many = sorted(axes, key=lambda axis: (len(levels_of(members, axis)), axis != "dataset"))
    columns, rows = levels_of(members, few), levels_of(members, many)
    cells = {
        (variants[at].level(many), variants[at].level(few)): Measured(
            variants[at].estimate,
            smaller and bool(variants[at].scores),
            links.variant(variants[at].key),
            at in best,
            variants[at].quantity.factor,
            scale_of(one.estimate for one in members),
        )
        for at in places
        if variants[at].has(many) and variants[at].has(few)
    }
    full = 2 <= len(columns) <= MOST_COLUMNS and len(rows) > 1 and 2 * len(cells) >= len(columns) * len(rows)
    if not full:
        return Table()
    words = members[0].words
    head = (f"{words.axis(many)} \\ {words.axis(few)}", *(words.level(few, column) for column in columns))
    body: list[tuple[Cell, ...]] = [
        (words.level(many, row), *(cells.get((row, column)) for column in columns)) for row in rows
    ]
    return Table(head, tuple(body))
