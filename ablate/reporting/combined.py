"""Tables of what several comparisons give together: interactions of axes, means over data sets, and ranks."""

from collections.abc import Sequence

from ablate.draw.labels import variant_label
from ablate.reporting.links import NO_LINKS, Links
from ablate.reporting.report import Cell, Linked, Measured, Table
from ablate.reporting.tables import p_value, share
from ablate.stats.across_datasets import DifferenceOverDatasets, Ranking
from ablate.stats.axis_trends import AxisTrend
from ablate.stats.interactions import Interaction
from ablate.stats.variants import CASE_AXES
from ablate.study.words import NO_QUANTITY, Quantity

MAX_ROWS = 30


def interactions_table(interactions: Sequence[Interaction], links: Links = NO_LINKS) -> Table:
    """A row per interaction, the largest MAX_ROWS: the two levels, the difference of differences, and tests."""
    largest = sorted(interactions, key=lambda one: -abs(one.estimate.mean or 0.0))[:MAX_ROWS]
    several = len({one.baseline.case for one in interactions}) > 1
    rows: list[tuple[Cell, ...]] = [
        (
            *([variant_label(one.baseline, CASE_AXES)] if several else []),
            " × ".join(one.baseline.words.assignment(axis, level) for axis, level in one.levels.items()),
            Measured(one.estimate, link=links.variant(one.variant.key), factor=one.baseline.quantity.factor),
            one.estimate.n,
            p_value(one.p_value),
            p_value(one.p_adjusted),
            "interaction" if one.shown else "undecided",
        )
        for one in interactions
        if one in largest
    ]
    difference = quantity_of(interactions).head_of_differences("difference of differences")
    head = (*(["case"] if several else []), "levels", difference, "seeds", "p", "p (Holm)", "verdict")
    return Table(head, tuple(rows)) if rows else Table()


def quantity_of(found: Sequence[Interaction] | Sequence[AxisTrend]) -> Quantity:
    return found[0].baseline.quantity if found else NO_QUANTITY


def trends_table(trends: Sequence[AxisTrend], links: Links = NO_LINKS) -> Table:
    """A row per axis with numbers as levels: the mean slope with interval, and tests."""
    several = len({(one.baseline.case, one.baseline.config.dataset) for one in trends}) > 1
    rows: list[tuple[Cell, ...]] = [
        (
            *([variant_label(one.baseline, CASE_AXES)] if several else []),
            one.baseline.words.axis_head(one.axis),
            ", ".join(one.baseline.words.level(one.axis, level) for level in one.trend.levels),
            Measured(one.estimate, link=links.study, factor=one.baseline.quantity.factor),
            f"per {one.step}",
            one.estimate.n,
            p_value(one.p_value),
            p_value(one.p_adjusted),
            "trend" if one.shown else "undecided",
        )
        for one in trends
    ]
    slope = quantity_of(trends).head_of_differences("slope")
    head = (*(["case"] if several else []), "axis", "levels", slope, "", "seeds", "p", "p (Holm)", "verdict")
    return Table(head, tuple(rows)) if rows else Table()


def datasets_table(differences: Sequence[DifferenceOverDatasets], links: Links = NO_LINKS) -> Table:
    """A row per variant: its mean difference over data sets, whose interval contains the variance between them."""
    rows: list[tuple[Cell, ...]] = [
        (
            one.label,
            Measured(one.estimate, link=links.study, factor=one.quantity.factor),
            one.estimate.n,
            p_value(one.p_value),
            share(one.between),
        )
        for one in differences
    ]
    if not rows:
        return Table()
    difference = differences[0].quantity.head_of_differences("difference")
    return Table(("variant", difference, "data sets", "p", "between data sets"), tuple(rows))


def ranks_table(ranking: Ranking | None, links: Links = NO_LINKS) -> Table:
    """A row per variant: its mean rank and its rank on each data set."""
    if ranking is None:
        return Table()
    rows: list[tuple[Cell, ...]] = [
        (
            label,
            Linked(f"{mean:.2f}", links.study),
            *(Linked(f"{rank:g}", links.variant(key)) for rank, key in zip(ranks, keys, strict=True)),
        )
        for label, mean, ranks, keys in zip(
            ranking.labels, ranking.mean_ranks, ranking.ranks, ranking.keys, strict=True
        )
    ]
    return Table(("variant", "mean rank", *ranking.datasets), tuple(rows))
