"""The tables of a report: metrics by variant, comparisons with the baseline, and the statements of a finding."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from ablate.draw.figure_specs import ComparedVariant, Direction
from ablate.draw.numbers import ABSENT, decimals_of, exact, fixed, range_text, signed
from ablate.papers.reference import Printed
from ablate.reporting.links import NO_LINKS, Links
from ablate.reporting.paper import AgainstPaper, against_paper
from ablate.reporting.report import Cell, Measured, Table, scale_of
from ablate.reporting.text import cell_text, ratio_text, spread_text
from ablate.reporting.verdicts import FindingVerdict
from ablate.stats.comparisons import Comparison
from ablate.stats.seeds_needed import SeedsNeeded
from ablate.stats.variants import CASE_AXES, Variant
from ablate.study.words import NO_QUANTITY, NO_WORDS, Quantity

MAX_PROPOSALS = 10  # of a search
PAGE_LETTERS = 100  # of a row of a table, on a page
SPREAD = "_std"  # how the names of metrics end that are spreads of a probe's repetitions
SIMULTANEOUS = "simultaneous"  # the column of intervals that hold for all comparisons together

Column = tuple[str, Sequence[Cell]]  # its head and its cells
NO_KEYS: Mapping[str, str] = {}


def results_table(
    quantity: Quantity,
    compared: Sequence[ComparedVariant],
    smaller: bool,
    papers_seeds: int = 1,
    best: frozenset[int] = frozenset(),
    links: Links = NO_LINKS,
) -> Table:
    """A row per variant: levels, mean with interval, std, n, the paper's value and the difference from it, and counts
    of seeds without a value.

    The last columns are left out where they are empty for all variants.  `smaller` marks values measured at a smaller
    scale than the paper's, `best` holds the positions of those in bold, and `links` maps the keys of variants to the
    addresses of their runs.
    """
    variants = [member.variant for member in compared]
    spread = next((member.printed.spread for member in compared if member.printed is not None), None)
    columns: list[Column] = [
        *level_columns(variants),
        (quantity.head, mean_cells(variants, links, smaller, best)),
        ("std", [spread_text(variant.estimate.times(quantity.factor)) for variant in variants]),
        ("n", [variant.estimate.n for variant in variants]),
    ]
    optional: list[Column] = [
        (f"paper (± {spread})", [printed_times(member.printed, quantity.factor) for member in compared]),
        ("ours − paper", [minus_paper(member, papers_seeds, quantity.factor) for member in compared]),
        ("failed", [len(variant.failed) for variant in variants]),
        ("no value", [len(variant.no_value) for variant in variants]),
        ("stopped", [len(variant.stopped) for variant in variants]),
        ("not run", [len(variant.missing) for variant in variants]),
        ("", ["baseline" if variant.baseline else "" for variant in variants]),
    ]
    return table_of([*columns, *((name, cells) for name, cells in optional if any(cells))])


def printed_times(printed: Printed | None, factor: float) -> Printed | None:
    """The paper's value times a factor."""
    if printed is None:
        return None
    return replace(printed, value=printed.value * factor, std=None if printed.std is None else printed.std * factor)


def minus_paper(member: ComparedVariant, papers_seeds: int, factor: float) -> str:
    """`−0.0310 (−4.2 s.e.)`: ours minus the paper's, also in standard errors where these are known; else empty."""
    if member.printed is None:
        return ""
    against = against_paper(member.variant.estimate, member.printed, papers_seeds)
    return against_text(against, factor) if against is not None else ""


def against_text(against: AgainstPaper, factor: float = 1.0) -> str:
    difference = against.difference * factor
    if not against.standard_errors:
        return signed(difference)
    decimals = decimals_of(abs(difference / against.standard_errors))
    size = f"{abs(difference):.{decimals}f}"
    errors = signed(against.standard_errors, fixed(abs(against.standard_errors), 1))
    return f"{signed(difference, size)} ({errors} s.e.)"


def metrics_tables(metrics: Mapping[str, Sequence[Variant]], links: Links = NO_LINKS) -> Iterator[Table]:
    """Tables with a row per variant: levels, then mean with interval of each metric; a page holds their width.

    `metrics` maps each metric to the same variants, in the same order.  Spreads of a probe that are 0 for all seeds, as
    of one that is fitted once, are left out.
    """
    shown = {metric: group for metric, group in metrics.items() if not is_zero_spread(metric, group)}
    levels = level_columns(next(iter(shown.values()), ()))
    columns = [
        (group[0].quantity.head if group else metric, mean_cells(group, links)) for metric, group in shown.items()
    ]
    for part in parts_within(PAGE_LETTERS - sum(letters(*column) for column in levels), columns):
        yield table_of([*levels, *part])


def is_zero_spread(metric: str, variants: Sequence[Variant]) -> bool:
    return metric.endswith(SPREAD) and not any(any(one.scores.values()) for one in variants)


def parts_within(room: int, columns: Sequence[Column]) -> list[list[Column]]:
    """The columns in parts of at most so many letters, or of one column."""
    parts: list[list[Column]] = []
    left = 0
    for column in columns:
        left -= letters(*column)
        if left < 0 or not parts:
            parts.append([])
            left = room - letters(*column)
        parts[-1].append(column)
    return parts


def letters(head: str, cells: Sequence[Cell]) -> int:
    """The width of a column in letters, with the space beside it."""
    return max(len(head), *(len(cell_text(cell)) for cell in cells)) + 2


def mean_cells(
    variants: Sequence[Variant], links: Links, smaller: bool = False, best: Collection[int] = ()
) -> list[Cell]:
    """The means of variants with their intervals, as a column, in the digits that the largest of them has.

    `smaller` marks them as measured at smaller scale than the paper's, and `best` has the places of those in bold.
    """
    scale = scale_of(one.estimate for one in variants)
    return [
        Measured(
            one.estimate, smaller and bool(one.scores), links.variant(one.key), at in best, one.quantity.factor, scale
        )
        for at, one in enumerate(variants)
    ]


def comparisons_table(comparisons: Sequence[Comparison], links: Links = NO_LINKS) -> Table:
    """A row per variant: levels, its mean difference from the baseline with interval, tests, and what they show."""
    if not comparisons:
        return Table()
    differences, quantity = [one.difference for one in comparisons], comparisons[0].baseline.quantity
    measured = [
        Measured(one.estimate, link=links.variant(one.variant.key), factor=quantity.factor) for one in comparisons
    ]
    columns: list[tuple[str, Sequence[Cell]]] = [
        *level_columns([one.variant for one in comparisons]),
        (quantity.head_of_differences("difference"), measured),
        *simultaneous_columns(comparisons),
        *bootstrap_columns(comparisons),
        ("seeds", [one.estimate.n for one in comparisons]),
        *rule_columns(comparisons),
        ("d", [ratio_text(one.effect_size) for one in differences]),
        ("better on", [share(one.probability_of_outperforming) for one in differences]),
        ("variance ratio", [ratio_text(one.variance_ratio) for one in differences]),
        ("verdict", [str(one.conclusion) for one in comparisons]),
    ]
    if any(one.look is None for one in comparisons):
        columns.append(("seeds to show it", [seeds_text(one.seeds_needed) for one in comparisons]))
    return table_of(columns)


def seeds_text(needed: SeedsNeeded | None) -> str:
    """`12`; `40 (below the margin)` for seeds that show a difference to be smaller than the margin."""
    if needed is None:
        return ABSENT
    return f"{needed.count} (below the margin)" if needed.equivalence else str(needed.count)


def simultaneous_columns(comparisons: Sequence[Comparison]) -> list[tuple[str, Sequence[Cell]]]:
    """The intervals that hold for all comparisons together; none where they are those of the differences."""
    if not any(one.simultaneous for one in comparisons):
        return []
    return [(SIMULTANEOUS, [range_text(times(one.simultaneous, one.baseline.quantity.factor)) for one in comparisons])]


def bootstrap_columns(comparisons: Sequence[Comparison]) -> list[tuple[str, Sequence[Cell]]]:
    """The bootstrap intervals of differences, where seeds suffice for one; none where the seeds were added."""
    if not any(one.bootstrap for one in comparisons):
        return []
    return [("BCa", [range_text(times(one.bootstrap, one.baseline.quantity.factor)) for one in comparisons])]


def times(ends: tuple[float, float] | None, factor: float) -> tuple[float, float] | None:
    return None if ends is None else (ends[0] * factor, ends[1] * factor)


def rule_columns(comparisons: Sequence[Comparison]) -> list[tuple[str, Sequence[Cell]]]:
    """What decides: p-values, or where seeds are added, the looks and the boundaries of the statistic."""
    looks = [one.look for one in comparisons if one.look is not None]
    if looks:
        return [
            ("look", [f"{one.look} of {len(one.schedule)}" for one in looks]),
            ("boundary", [one.boundary if one.look else None for one in looks]),
        ]
    differences = [one.difference for one in comparisons]
    return [
        ("p", [p_value(one.p_value) for one in differences]),
        ("p (Holm)", [p_value(one.p_adjusted) for one in comparisons]),
        ("p (sign flips)", [p_value(one.p_permutation) for one in differences]),
    ]


def statements_table(verdict: FindingVerdict, link: str = "") -> Table:
    """A row per statement of a finding: its contrast with interval, and the p-values that support or refute it.

    `link` is the address of the study's runs, of several of which each contrast is made.
    """
    rows: list[tuple[Cell, ...]] = [
        (
            statement.text,
            Measured(statement.estimate, link=link, factor=statement.quantity.factor),
            exact(statement.bound * statement.quantity.factor),
            p_value(statement.p_supported),
            p_value(statement.p_refuted),
        )
        for statement in verdict.verdict.statements
    ]
    quantities = {statement.quantity for statement in verdict.verdict.statements}
    same = quantities.pop() if len(quantities) == 1 else NO_QUANTITY
    measured = same.head_of_differences("measured")
    return Table(("statement", measured, "bound", "p supports", "p refutes"), tuple(rows))


def p_value(p: float | None) -> str:
    """A p-value with three decimals."""
    return ABSENT if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def share(value: float | None) -> str:
    """A share as a percentage: 0.8 → `80 %`."""
    return ABSENT if value is None else f"{value:.0%}".replace("%", " %")


def best_variants(
    compared: Sequence[ComparedVariant], direction: Direction, complete: Callable[[Variant], bool] = lambda _: True
) -> list[ComparedVariant]:
    """The MAX_PROPOSALS variants with the best means, the best first; those that are not complete come last."""
    sign = -1 if direction == "maximize" else 1
    scored = [(sign * mean, member) for member in compared if (mean := member.variant.estimate.mean) is not None]
    ranked = sorted(scored, key=lambda pair: (not complete(pair[1].variant), pair[0]))
    return [member for _, member in ranked[:MAX_PROPOSALS]]


def table_of(columns: Sequence[Column], keys: Mapping[str, str] = NO_KEYS) -> Table:
    """A table of these columns, with the names that some of them have in JSON."""
    return Table(tuple(name for name, _ in columns), tuple(zip(*(cells for _, cells in columns), strict=True)), keys)


def level_columns(variants: Sequence[Variant]) -> list[tuple[str, list[str]]]:
    """A column of levels per axis; data set and method only where several occur.

    Columns have the study's word for the axis as their name, or the whole path where that is ambiguous.
    """
    words = variants[0].words if variants else NO_WORDS
    varied = [axis for axis in CASE_AXES if len({variant.level(axis) for variant in variants}) > 1]
    axes = list(dict.fromkeys([*varied, *(axis for variant in variants for axis in variant.levels)]))
    names = [words.axis_head(axis) for axis in axes]
    return [
        (
            name if names.count(name) == 1 else axis,
            [words.level(axis, variant.level(axis)) if variant.has(axis) else "" for variant in variants],
        )
        for axis, name in zip(axes, names, strict=True)
    ]
