"""Builds the report of a study from its results."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from ablate.draw.figure_specs import (
    ComparedVariant,
    RankFigure,
    axes_of,
    axis_figure,
    difference_figure,
)
from ablate.draw.labels import variant_label
from ablate.errors import StudyError
from ablate.methods import METHODS
from ablate.papers.reference import Ablation, title
from ablate.probes import PROBES
from ablate.reporting.answer import answer
from ablate.reporting.confirmation import divided, finalists_of, search_answer
from ablate.reporting.cost import costs, failures
from ablate.reporting.importance import importances_of
from ablate.reporting.learning_curves import curve_figures
from ablate.reporting.limits import limits_of, unshown_sentence
from ablate.reporting.links import links_of
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
from ablate.reporting.report import Gap, PaperSection, Report, ReportFigure, Results
from ablate.reporting.search_figures import search_figures
from ablate.reporting.search_results import SearchFindings, best_proposals, hypervolume_figures, search_section
from ablate.reporting.seeds_table import seeds_table
from ablate.reporting.tables import metrics_table, results_table
from ablate.reporting.verdicts import FindingVerdict, finding_verdict
from ablate.stats.across_datasets import Ranking, differences_over_datasets, ranking_of
from ablate.stats.axis_trends import AxisTrend, trends_of
from ablate.stats.bands import Curves
from ablate.stats.best import best_in_groups
from ablate.stats.comparisons import Comparison, compare_with_baselines, looks_at, with_baselines
from ablate.stats.interactions import Interaction, interactions_of
from ablate.stats.results import Result
from ablate.stats.sequential_power import power_sentence
from ablate.stats.variants import CASE_AXES, Variant, case_of, variants_of
from ablate.study.model import Study
from ablate.study.words import level_text
from ablate.training_faults import RELATIVE_STD, collapse_warning, divergence_warning
from ablate.trial import short


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
        study=study.name,
        question=study.question,
        profile=study.profile,
        metric=metric,
        words=study.words,
        setup=(*setup(study, variants), *costs(every, study.budget)),
        answer=(
            *answer(design.comparisons, design.trends),
            *search_answer(metric, best, len(variants), found.finalists),
        ),
        results=section,
        pictures=tuple(pictures(study, metric, results, fetch)) if fetch is not None else (),
        progress=progress_of(every),
        comparisons=design.comparisons,
        links=links_of(results, runs),
        figures=tuple(all_figures(study, results, compared, design, found)),
        limits=design.limits,
        power=design.power,
        interactions=design.interactions,
        trends=design.trends,
        over_datasets=differences_over_datasets(design.comparisons),
        ranking=design.ranking,
        gaps=tuple(gap for variant in variants for gap in gaps(variant)),
        warnings=tuple(warnings(every)),
        curves=tuple(curve_figures(metric, variants, results, curves or {})),
        failures=failures(every, metric),
        paper=paper_section(study, ablations, differing, verdicts(study, ablations, results)),
        paper_problem=problem,
        outdated=sum(case_of(study, result.trial) is None for result in every),
    )


@dataclass(frozen=True)
class DesignFindings:
    """What the variants of a grid show beside each other; a search, whose variants were chosen, has none of it."""

    comparisons: tuple[Comparison, ...] = ()
    ranking: Ranking | None = None
    limits: tuple[str, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    power: str = ""
    trends: tuple[AxisTrend, ...] = ()


def design_findings(study: Study, variants: Sequence[Variant], metric: str) -> DesignFindings:
    if study.search is not None:
        return DesignFindings()
    rule, margin = study.seed_rule, study.least_difference
    return DesignFindings(
        compare_with_baselines(variants, better(metric), margin, rule),
        ranking_of(variants, better(metric)),
        tuple(limits_of(metric, variants)),
        interactions_of(variants),
        power_sentence(looks_at(with_baselines(variants), rule, margin)) if rule is not None else "",
        trends_of(variants),
    )


def better(metric: str) -> int:
    """+1 where higher values of a metric are better, −1 where lower ones are, 0 for metrics that no probe computes."""
    probe, _, name = metric.partition("/")
    direction = PROBES[probe].metrics.get(name) if probe in PROBES else None
    return {"maximize": 1, "minimize": -1}.get(direction or "", 0)


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


def setup(study: Study, variants: Iterable[Variant]) -> Iterator[tuple[str, str]]:
    """What all trials have in common, as (name, text); without what the study does not set."""
    defaults = sorted({case.defaults for case in study.cases if case.defaults})
    fixed = [f"{path} = {level_text(level)}" for case in study.cases for path, level in case.fixed.items()]
    epochs = {str(variant.config.training.get("epochs", "–")) for variant in variants if trains(variant.config.method)}
    rows = {
        "Method": study.methods,
        "Data set": study.datasets,
        "Design": [case.design for case in study.cases],
        "Seeds": seeds_text(study),
        "Epochs": sorted(epochs),
        "Profile": [study.profile] if study.profile else [],
        "Defaults": [f"those of {paper}" for paper in defaults],
        "Fixed": fixed,
        "Probes": study.probes,
    }
    yield from ((name, ", ".join(dict.fromkeys(texts))) for name, texts in rows.items() if texts)


def seeds_text(study: Study) -> list[str]:
    """The seeds of all variants, or the rule that adds some."""
    rule = study.seed_rule
    if rule is None:
        return [str(seed) for seed in study.first_seeds]
    return [f"{rule.at_least} to {rule.at_most}, added where a comparison with the baseline is undecided"]


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
    return Results(compared, table, metrics_table(others, links), smaller, pivots=by_two_axes, seeds=seeds)


def progress_of(results: Sequence[Result]) -> str:
    """How many trials have ended, of a study that is not complete; else empty."""
    waiting = sum(not result.state.ended for result in results)
    if not waiting:
        return ""
    return f"{len(results) - waiting} of {len(results)} trials have ended: all numbers are of these."


def papers_seeds(ablations: Iterable[Ablation]) -> int:
    """The seeds of the paper's ablations, the most of them."""
    return max((ablation.seeds for ablation in ablations), default=1)


def other_metrics(study: Study, results: Iterable[Result], metric: str) -> list[str]:
    """The other metrics of the study's probes, sorted."""
    names = {name for result in results for name in result.metrics if name.partition("/")[0] in study.probes}
    return sorted(names - {metric})


def all_figures(
    study: Study,
    results: Sequence[Result],
    compared: Sequence[ComparedVariant],
    design: DesignFindings,
    found: SearchFindings,
) -> Iterator[ReportFigure]:
    """The figures of a design, and those of a search."""
    metric = study.compared_metric
    yield from figures(study, compared, design.comparisons, metric)
    yield from search_figures(study, metric, found.proposals, found.importances)
    yield from hypervolume_figures(study, results)
    yield from rank_figure(design.ranking)


def figures(
    study: Study, compared: Sequence[ComparedVariant], comparisons: Sequence[Comparison], metric: str
) -> Iterator[ReportFigure]:
    """The differences from the baseline and a figure per axis; a search has others (`search_figures`)."""
    if study.search is not None:
        return
    if comparisons:
        spec_of_differences = difference_figure(metric, comparisons)
        caption = "Differences from the baseline, seed by seed"
        note = f" ({spec_of_differences.note})" if spec_of_differences.note else ""
        drawn = [row.comparison for row in spec_of_differences.rows]
        unshown = unshown_sentence(sum(one.excludes_zero_unshown for one in drawn), len(drawn))
        caption = f"{caption}{note}" + (f". {unshown}" if unshown else "")
        yield ReportFigure("figure-differences", caption, spec_of_differences)
    scored_variants = [member for member in compared if member.variant.scores]
    for number, axis in enumerate(axes_of(study, [member.variant for member in scored_variants]), start=1):
        figure = axis_figure(study, scored_variants, axis, metric)
        caption = f"{study.words.quantity(metric).opening} by {study.words.axis(axis)}"
        caption += f" ({figure.note})" if figure.note else ""
        yield ReportFigure(f"figure-{number}-{re.sub(r'[^A-Za-z0-9-]+', '-', short(axis))}", caption, figure)


def rank_figure(ranking: Ranking | None) -> Iterator[ReportFigure]:
    """The figure of mean ranks, where the study has a ranking."""
    if ranking is not None:
        yield ReportFigure(
            "figure-ranks",
            "Mean ranks over data sets; bars join variants that are not distinguished",
            RankFigure(ranking),
        )


def gaps(variant: Variant) -> Iterator[Gap]:
    """The seeds of a variant without a value, by reason."""
    name = variant_label(variant, dict.fromkeys([*CASE_AXES, *variant.levels]))
    for what, reasons in (("failed", variant.failed), ("no value", variant.no_value), ("", variant.stopped)):
        for reason in dict.fromkeys(reasons.values()):
            yield Gap(name, tuple(seed for seed, other in reasons.items() if other == reason), joined(what, reason))
    if variant.missing:
        yield Gap(name, variant.missing, "not run to the end")


def joined(what: str, reason: str) -> str:
    """`failed: reason`; the reason alone where it says what happened."""
    return f"{what}: {reason}" if what else reason


def warnings(results: Sequence[Result]) -> Iterator[str]:
    """A sentence for each variant with seeds whose training has a fault, by the worst of them."""
    worst_first = sorted(results, key=lambda result: result.metrics.get(RELATIVE_STD, math.inf))
    for of_fault in (collapse_warning, divergence_warning):
        found: dict[str, dict[int, str]] = {}
        for result in worst_first:
            if warning := of_fault(result.metrics):
                found.setdefault(result.trial.variant_name, {})[result.seed] = warning
        for name, by_seed in sorted(found.items()):
            listed = ", ".join(map(str, sorted(by_seed)))
            yield f"{name}, {'seed' if len(by_seed) == 1 else 'seeds'} {listed}: {next(iter(by_seed.values()))}."


def trains(method: str) -> bool:
    """Whether a method takes steps of training; epochs mean nothing to the others.  Unknown ones are taken to."""
    return method not in METHODS or bool(METHODS[method].objectives)


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
    )
