"""What a search found: its best settings, and how good they are on seeds that the search has not used."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ablate.draw.figure_specs import ComparedVariant
from ablate.draw.labels import variant_label
from ablate.draw.numbers import estimate_text
from ablate.reporting.links import NO_LINKS, Links
from ablate.reporting.report import Cell, Measured, Table
from ablate.reporting.tables import level_columns, table_of
from ablate.stats.estimate import Estimate
from ablate.stats.paired import PairedDifference
from ablate.stats.results import Result
from ablate.stats.variants import Variant, variants_of
from ablate.study.model import Study

RANKS = ("winner", "runner-up")


@dataclass(frozen=True)
class Finalist:
    """The winner or the runner-up of a search: the scores of each objective with its seeds, and with fresh ones."""

    rank: str
    searched: Mapping[str, Variant]  # by objective
    fresh: Mapping[str, Mapping[int, float]]  # objective → seed → score
    planned: int  # fresh seeds

    def label(self, metric: str) -> str:
        variant = self.searched[metric]
        return variant_label(variant, variant.levels)

    def confirmed(self, metric: str) -> Estimate:
        return Estimate.of(list(self.fresh[metric].values()))


def divided(study: Study, results: Sequence[Result]) -> tuple[Sequence[Result], Sequence[Result]]:
    """The results with the seeds of the study, and those of a search's best with fresh seeds."""
    if study.search is None:
        return results, ()
    searched = [result for result in results if result.seed in study.first_seeds]
    return searched, [result for result in results if result.seed not in study.first_seeds]


def finalists_of(study: Study, searched: Sequence[Result], fresh: Sequence[Result]) -> tuple[Finalist, ...]:
    """Winner and runner-up, of a search that is confirmed; none before it is over."""
    if study.search is None:
        return ()
    by_objective = {
        metric: {variant.key: variant for variant in variants_of(study, searched, metric)}
        for metric in study.search.objectives
    }
    found = []
    for rank, key in zip(RANKS, dict.fromkeys(result.variant for result in fresh), strict=False):
        own = [result for result in fresh if result.variant == key]
        scores = {
            metric: {one.seed: score for one in own if (score := one.score(metric)) is not None}
            for metric in study.search.objectives
        }
        found.append(Finalist(rank, {name: held[key] for name, held in by_objective.items()}, scores, len(own)))
    return tuple(found)


def confirmation_table(finalists: Sequence[Finalist], links: Links = NO_LINKS) -> Table:
    """A row per finalist: levels, and each objective on the seeds of the search and on the fresh ones."""
    if not finalists:
        return Table()
    objectives = list(finalists[0].searched)
    columns: list[tuple[str, Sequence[Cell]]] = [
        ("settings", [one.rank for one in finalists]),
        *level_columns([one.searched[objectives[0]] for one in finalists]),
    ]
    keys: dict[str, str] = {}
    for metric in objectives:
        head = finalists[0].searched[metric].quantity.head
        searched = [measured(one, one.searched[metric].estimate, metric, links) for one in finalists]
        confirmed = [measured(one, one.confirmed(metric), metric, links) for one in finalists]
        columns += [(f"{head}, search", searched), (f"{head}, fresh seeds", confirmed)]
        keys |= {f"{head}, {seeds}": f"{metric}, {seeds}" for seeds in ("search", "fresh seeds")}
    columns.append(("fresh seeds", [len(one.fresh[objectives[0]]) for one in finalists]))
    return table_of(columns, keys)


def measured(one: Finalist, estimate: Estimate, metric: str, links: Links) -> Measured:
    """An estimate of a finalist, which links to the run of its variant, below which are those of all of its seeds."""
    variant = one.searched[metric]
    return Measured(estimate, link=links.variant(variant.key), factor=variant.quantity.factor)


def difference_of(finalists: Sequence[Finalist], metric: str) -> PairedDifference | None:
    """The winner's scores minus those of the runner-up, by fresh seed; None without two finalists."""
    if len(finalists) < len(RANKS):
        return None
    return PairedDifference.of(finalists[0].fresh[metric], finalists[1].fresh[metric])


def search_answer(
    metric: str, best: Sequence[ComparedVariant], proposals: int, finalists: Sequence[Finalist]
) -> Iterator[str]:
    """Sentences on the best settings of a search, and on what the fresh seeds say of them."""
    if not best:
        return
    winning = best[0].variant
    quantity = winning.quantity

    def text(estimate: Estimate) -> str:
        return estimate_text(estimate.times(quantity.factor))

    found = f"{text(winning.estimate)} over {seeds_text(winning.estimate.n)} of the search"
    label, chosen = variant_label(winning, winning.levels), "which is biased since it was chosen"
    yield f"The best of {proposals} proposals is ({label}): {quantity.head} is {found}, {chosen}."
    if not finalists or not finalists[0].fresh[metric]:
        return
    winner = finalists[0].confirmed(metric)
    yield f"On {seeds_text(winner.n)} that the search has not used, it is {text(winner)}."
    difference = difference_of(finalists, metric)
    if difference is not None and difference.values:
        p = "" if difference.p_value is None else f", p = {difference.p_value:.3g}"
        by_seed = quantity.difference(text(difference.estimate))
        runner_up = f"the runner-up ({finalists[1].label(metric)}) has {text(finalists[1].confirmed(metric))}"
        yield f"There {runner_up}; the winner minus it is {by_seed} by seed{p}."


def seeds_text(count: int) -> str:
    return "one seed" if count == 1 else f"{count} seeds"
