"""The figures of a report: of a design or a search, learning curves, and pictures of variants."""

import re
from collections.abc import Iterator, Sequence

from ablate.draw.figure_specs import ComparedVariant, RankFigure, axes_of, axis_figure, difference_figure
from ablate.reporting.design_findings import DesignFindings
from ablate.reporting.limits import unshown_sentence
from ablate.reporting.report import ReportFigure
from ablate.reporting.search_figures import search_figures
from ablate.reporting.search_results import SearchFindings, hypervolume_figures
from ablate.stats.across_datasets import Ranking
from ablate.stats.comparisons import Comparison
from ablate.stats.results import Result
from ablate.study.model import Study
from ablate.trial import short


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
        caption = f"{study.words.quantity(metric).name} by {study.words.axis(axis)}"
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
