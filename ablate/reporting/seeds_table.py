"""The table of single seeds: the score of each seed of each variant, with a link to its run."""

from collections.abc import Sequence

from ablate.draw.numbers import ABSENT, number
from ablate.reporting.links import NO_LINKS, Links
from ablate.reporting.report import Cell, Linked, Table
from ablate.reporting.tables import level_columns, table_of
from ablate.stats.variants import Variant

MOST_VARIANTS = 50
MOST_SEEDS = 20


def seeds_table(variants: Sequence[Variant], links: Links = NO_LINKS) -> Table:
    """A row for each of the first MOST_VARIANTS variants: levels, and the score of each of the first MOST_SEEDS seeds.

    Without rows where no seed has a score.
    """
    shown = variants[:MOST_VARIANTS]
    seeds = sorted({seed for variant in shown for seed in (*variant.scores, *variant.failed)})[:MOST_SEEDS]
    if not any(variant.scores for variant in shown):
        return Table()
    columns: list[tuple[str, Sequence[Cell]]] = [*level_columns(shown)]
    columns += [(f"seed {seed}", [seed_cell(variant, seed, links) for variant in shown]) for seed in seeds]
    return table_of(columns)


def seed_cell(variant: Variant, seed: int, links: Links) -> Linked:
    """The score of one seed, `failed`, or a dash."""
    score = variant.scores.get(seed)
    text = "failed" if seed in variant.failed else ABSENT
    if score is not None:
        text = number(score * variant.quantity.factor)
    return Linked(text, links.seed(variant.key, seed))
