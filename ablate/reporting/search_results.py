"""What a report states of a search: the Pareto front of several objectives, and the best settings as a study."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ablate.draw.figure_specs import ComparedVariant, HistoryFigure
from ablate.reporting.confirmation import Finalist, confirmation_table
from ablate.reporting.importance import Importance, importance_table
from ablate.reporting.links import NO_LINKS, Links
from ablate.reporting.paper import Difference
from ablate.reporting.proposals import Proposal, proposals_table
from ablate.reporting.report import ReportFigure, Results, Table
from ablate.reporting.seeds_table import seeds_table
from ablate.reporting.tables import Column, best_variants, level_columns, mean_cells, results_table, table_of
from ablate.stats.pareto import front, hypervolumes
from ablate.stats.results import Result
from ablate.stats.variants import Variant, variants_of
from ablate.study.model import Case, Study
from ablate.study.words import with_unit
from ablate.study.write import to_yaml

BEST = "-best"  # ends the name of the study that holds the best settings


@dataclass(frozen=True)
class SearchFindings:
    """What a search has found beside the scores of its variants."""

    proposals: tuple[Proposal, ...] = ()
    importances: tuple[Importance, ...] = ()
    finalists: tuple[Finalist, ...] = ()


def search_section(
    study: Study,
    results: Sequence[Result],
    metric: str,
    compared: tuple[ComparedVariant, ...],
    papers: tuple[tuple[Difference, ...], int],
    found: SearchFindings,
    links: Links = NO_LINKS,
) -> Results:
    """The tables of a search: the best proposals, the confirmation, the Pareto front and the importance of settings.

    `papers` holds what is smaller than the paper's, and the number of the paper's seeds.
    """
    assert study.search is not None
    best, (smaller, seeds_of_paper) = best_proposals(study, results, compared, metric), papers
    table = results_table(study.words.quantity(metric), best, bool(smaller), seeds_of_paper, links=links)
    return Results(
        compared,
        with_cost(table, best, found.proposals),
        (),
        smaller,
        study.search.objectives[metric],
        front=pareto_table(study, results, links),
        constraints=study.search.constraints,
        best=best_study(study, best[0].variant) if best else "",
        confirmation=confirmation_table(found.finalists, links),
        importance=importance_table(found.importances, study.words, links),
        proposals=proposals_table(found.proposals),
        seeds=seeds_table([one.variant for one in best], links),
    )


def with_cost(table: Table, best: Sequence[ComparedVariant], proposals: Sequence[Proposal]) -> Table:
    """The table of the best proposals with a column of the device-seconds that all seeds of each took."""
    took = {tuple(one.levels.items()): one.seconds for one in proposals}
    seconds = [took.get(tuple(one.variant.levels.items())) for one in best]
    if not any(one is not None for one in seconds):
        return table
    cells = ["" if one is None else f"{one:.3g}" for one in seconds]
    rows = tuple((*row, cell) for row, cell in zip(table.rows, cells, strict=True))
    return Table((*table.head, "device-seconds"), rows)


def best_proposals(
    study: Study, results: Sequence[Result], compared: Sequence[ComparedVariant], metric: str
) -> list[ComparedVariant]:
    """The best variants of a search that hold its constraints, the best first; those that lack a seed come last."""
    assert study.search is not None
    allowed, seeds = feasible(study, results), set(study.first_seeds)
    able = [one for one in compared if one.variant.key in allowed]
    return best_variants(able, study.search.objectives[metric], lambda one: one.scores.keys() >= seeds)


def feasible(study: Study, results: Sequence[Result]) -> set[str]:
    """Keys of the variants whose means hold the search's constraints; of a design without any, all of them."""
    assert study.search is not None
    by_metric = {limit.metric: by_key(variants_of(study, results, limit.metric)) for limit in study.search.limits}
    means: dict[str, dict[str, float | None]] = {result.variant: {} for result in results}
    for metric, variants in by_metric.items():
        for key, one in variants.items():
            means[key][metric] = one.estimate.mean
    return {key for key, found in means.items() if study.search.allows(found)}


def by_key(variants: Iterable[Variant]) -> dict[str, Variant]:
    return {variant.config.variant_key: variant for variant in variants}


def measured_objectives(study: Study, results: Sequence[Result]) -> dict[str, dict[str, Variant]]:
    """Key → objective → variant, of the variants with a mean of every objective that hold the constraints."""
    assert study.search is not None
    allowed = feasible(study, results)
    by_objective = {metric: by_key(variants_of(study, results, metric)) for metric in study.search.objectives}
    found: dict[str, dict[str, Variant]] = {}
    for key in dict.fromkeys(result.variant for result in results):
        members = {metric: variants[key] for metric, variants in by_objective.items() if key in variants}
        complete = len(members) == len(by_objective) and not any(one.stopped for one in members.values())
        if key in allowed and complete and all(one.estimate.mean is not None for one in members.values()):
            found[key] = members
    return found


def to_minimize(study: Study, members: Mapping[str, Variant]) -> list[float]:
    """The means of a variant's objectives, with the other sign where they are to be maximized."""
    assert study.search is not None
    signs = {metric: -1.0 if direction == "maximize" else 1.0 for metric, direction in study.search.objectives.items()}
    return [sign * (members[metric].estimate.mean or 0.0) for metric, sign in signs.items()]


def pareto_table(study: Study, results: Sequence[Result], links: Links = NO_LINKS) -> Table:
    """A row per variant of the Pareto front: levels, and each objective with its interval over seeds; best first.

    Without rows for a search of one objective.
    """
    if study.search is None or len(study.search.objectives) < 2:
        return Table()
    measured = list(measured_objectives(study, results).values())
    points = [to_minimize(study, members) for members in measured]
    chosen = [measured[place] for place in sorted(front(points), key=lambda place: points[place])]
    if not chosen:
        return Table()
    columns: list[Column] = [*level_columns([next(iter(one.values())) for one in chosen])]
    keys: dict[str, str] = {}
    for metric, direction in study.search.objectives.items():
        quantity = study.words.quantity(metric)
        members = [one[metric] for one in chosen]
        head = with_unit(quantity.name, ", ".join(filter(None, (quantity.unit, direction))))
        columns.append((head, mean_cells(members, links)))
        keys[head] = f"{metric} ({direction})"
    return table_of(columns, keys)


def hypervolume_figures(study: Study, results: Sequence[Result]) -> Iterator[ReportFigure]:
    """The hypervolume by proposal; none for a search of one objective, or without a measured proposal."""
    if study.search is None or len(study.search.objectives) < 2:
        return
    points = [to_minimize(study, members) for members in measured_objectives(study, results).values()]
    volumes = tuple(enumerate(hypervolumes(points), start=1))
    if volumes:
        spec = HistoryFigure("hypervolume", "maximize", volumes)
        yield ReportFigure("figure-2-hypervolume", "Hypervolume of the Pareto front, by proposal", spec)


def best_study(study: Study, best: Variant) -> str:
    """The file of a study that runs a search's best settings with its seeds, ready to launch."""
    case = study.cases[0]
    fixed = {**case.fixed, **{path: level for path, level in best.levels.items() if path not in ("method", "dataset")}}
    own = Case(method=best.config.method, dataset=best.config.dataset, defaults=case.defaults, fixed=fixed)
    question = f"How good are the best settings of {study.name}?"
    named = {"name": f"{study.name}{BEST}", "question": question, "paper": None, "profile": None}
    return to_yaml(study.model_copy(update={**named, "cases": (own,), "search": None}))
