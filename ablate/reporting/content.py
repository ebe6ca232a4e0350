"""Builds the report of a study from its results, section by section."""

from collections.abc import Iterable, Sequence
from functools import cache

from ablate.draw.figure_specs import ComparedVariant
from ablate.errors import StudyError
from ablate.papers.reference import Ablation, title
from ablate.reporting.answer import answer
from ablate.reporting.confirmation import divided, finalists_of, search_answer
from ablate.reporting.design_findings import better, design_findings
from ablate.reporting.execution import execution_of
from ablate.reporting.figures import all_figures
from ablate.reporting.importance import importances_of
from ablate.reporting.learning_curves import curve_figures
from ablate.reporting.links import links_of
from ablate.reporting.opening import answer_links, opening
from ablate.reporting.paper import (
    Difference,
    ablations_of,
    datasets_without_results,
    differences,
    place_in_paper,
    printed_value,
    stand_ins,
)
from ablate.reporting.pictures import FetchPicture, pictures
from ablate.reporting.pivot import pivots
from ablate.reporting.proposals import proposals_of
from ablate.reporting.report import Figures, PaperSection, Report, Results
from ablate.reporting.search_results import SearchFindings, best_proposals, search_section
from ablate.reporting.seeds_table import seeds_table
from ablate.reporting.tables import metrics_tables, results_table
from ablate.reporting.verdicts import FindingVerdict, finding_verdict
from ablate.stats.bands import Curves
from ablate.stats.best import best_in_groups
from ablate.stats.results import Result
from ablate.stats.variants import Variant, variants_of
from ablate.study.model import Study


def report_of(
    study: Study,
    results: Sequence[Result],
    curves: Curves | None = None,
    runs: str = "",
    fetch: FetchPicture | None = None,
) -> Report:
    """The report of a study; a wrong reference to a paper is stated in it, and leaves the rest as it is.

    `results` holds every planned trial, with or without a run (`results_of`); those of a search are in the order of
    its proposals, followed by those that confirm its best.  `curves` are those of the trials, by metric and key, for
    the figures of learning curves, and `runs` is the address that a run's id follows in MLflow's UI.  `fetch` returns
    the pictures of a trial.
    """
    metric = study.compared_metric
    study, ablations, problem = with_ablations(study, metric)
    every, (results, fresh) = results, divided(study, results)
    variants = variants_of(study, results, metric)
    proposals = proposals_of(study, results)
    found = SearchFindings(proposals, importances_of(study, metric, proposals), finalists_of(study, results, fresh))
    compared = tuple(ComparedVariant(variant, printed_value(study, ablations, variant, metric)) for variant in variants)
    differing = tuple(dict.fromkeys(pair for ablation in ablations for pair in differences(study, variants, ablation)))
    design = design_findings(study, variants, metric)
    section = results_section(study, results, metric, compared, differing, papers_seeds(ablations), runs, found)
    best = best_proposals(study, results, compared, metric) if study.search else []
    return Report(
        study=study,
        answer=(
            *opening(design.comparisons, design.trends, design.over_datasets, better(metric)),
            *answer(design.comparisons, design.trends),
            *search_answer(metric, best, len(variants), found.finalists),
        ),
        results=section,
        design=design,
        figures=Figures(
            results=tuple(all_figures(study, results, compared, design, found)),
            curves=tuple(curve_figures(metric, variants, results, curves or {})),
            pictures=tuple(pictures(study, metric, results, fetch)) if fetch is not None else (),
        ),
        execution=execution_of(study, every, variants),
        links=links_of(results, runs),
        answer_links=answer_links(design.comparisons, design.trends, design.over_datasets, links_of(results, runs)),
        paper=paper_section(study, ablations, differing, verdicts(study, ablations, results)),
        paper_problem=problem,
    )


def verdicts(study: Study, ablations: Iterable[Ablation], results: Sequence[Result]) -> tuple[FindingVerdict, ...]:
    """Whether the paper's findings hold, of those that the results can test."""
    metrics = [name for name in dict.fromkeys(name for result in results for name in result.metrics) if "/" in name]

    @cache
    def variants(metric: str) -> tuple[Variant, ...]:
        return variants_of(study, results, metric)

    found = (finding_verdict(ablation, metrics, variants) for ablation in ablations)
    return tuple(verdict for verdict in found if verdict is not None)


def with_ablations(study: Study, metric: str) -> tuple[Study, tuple[Ablation, ...], str]:
    """The study, its paper's ablations and no problem; or the study without its paper, and what is wrong with it."""
    try:
        return study, ablations_of(study, metric), ""
    except StudyError as error:
        return study.model_copy(update={"paper": None}), (), str(error)


def results_section(
    study: Study,
    results: Sequence[Result],
    metric: str,
    compared: tuple[ComparedVariant, ...],
    differing: Iterable[Difference],
    seeds_of_paper: int = 1,
    runs: str = "",
    found: SearchFindings | None = None,
) -> Results:
    """The tables of measured values; of a search, the best proposals only."""
    smaller = tuple(difference for difference in differing if difference.smaller)
    links = links_of(results, runs)
    if study.search is not None:
        scale = (smaller, seeds_of_paper)
        return search_section(study, results, metric, compared, scale, found or SearchFindings(), links)
    others = {other: variants_of(study, results, other) for other in other_metrics(study, results, metric)}
    best = best_in_groups([member.variant for member in compared], better(metric))
    table = results_table(study.words.quantity(metric), compared, bool(smaller), seeds_of_paper, best, links)
    by_two_axes = tuple(pivots(compared, best, bool(smaller), links))
    seeds = seeds_table([member.variant for member in compared], links)
    return Results(compared, table, tuple(metrics_tables(others, links)), smaller, pivots=by_two_axes, seeds=seeds)


def papers_seeds(ablations: Iterable[Ablation]) -> int:
    """The seeds of the paper's ablations, the most of them."""
    return max((ablation.seeds for ablation in ablations), default=1)


def other_metrics(study: Study, results: Iterable[Result], metric: str) -> list[str]:
    """The other metrics of the study's probes, sorted."""
    names = {name for result in results for name in result.metrics if name.partition("/")[0] in study.probes}
    return sorted(names - {metric})


def paper_section(
    study: Study,
    ablations: tuple[Ablation, ...],
    differing: tuple[Difference, ...],
    found: tuple[FindingVerdict, ...],
) -> PaperSection | None:
    """What the paper states; None for a study without a paper."""
    if study.paper is None:
        return None
    return PaperSection(
        id=study.paper.id,
        title=title(study.paper.id),
        place=place_in_paper(study),
        ablations=ablations,
        verdicts=found,
        differences=differing,
        stand_ins=stand_ins(study),
        without_results=datasets_without_results(study),
        note=study.paper.note or "",
    )
