"""Which learning curves a report shows: the study's metric and the loss, by variant, with bands over seeds."""

from collections.abc import Iterator, Mapping, Sequence

from ablate.draw.curve_specs import CurveFigure, CurvePanel, CurveSeries
from ablate.draw.labels import variant_label
from ablate.reporting.report import ReportFigure
from ablate.stats.bands import Curve, Curves, band
from ablate.stats.results import Result
from ablate.stats.variants import CASE_AXES, Variant
from ablate.study.words import NO_WORDS

LOSS = "train/loss"
MOST_SERIES = 8  # as many as stay readable in one panel
MOST_FIGURES = 6


def curve_figures(
    metric: str, variants: Sequence[Variant], results: Sequence[Result], curves: Curves
) -> Iterator[ReportFigure]:
    """A figure for each case whose trials have curves of two epochs or more."""
    keys = {(result.variant, result.seed): result.key for result in results}
    cases = list(dict.fromkeys(variant.case for variant in variants))
    for number, case in enumerate(cases[:MOST_FIGURES], start=1):
        members = [variant for variant in variants if variant.case == case and variant.scores]
        shown = chosen(members)
        panels = [panel_of(name, shown, keys, curves[name]) for name in drawn_metrics(metric, curves)]
        panels = [panel for panel in panels if panel.series]
        if not panels:
            continue
        note = f"{len(shown)} of {len(members)} variants" if len(shown) < len(members) else ""
        where = f" on {variant_label(members[0], CASE_AXES)}" if len(cases) > 1 else ""
        caption = f"Learning curves{where}: mean over seeds and its 95 % interval" + (f" ({note})" if note else "")
        yield ReportFigure(f"figure-curves-{number}", caption, CurveFigure(tuple(panels), note))


def drawn_metrics(metric: str, curves: Curves) -> list[str]:
    """The study's metric and the loss, or else the first metric of training."""
    training = [LOSS] if LOSS in curves else sorted(name for name in curves if name.startswith("train/"))[:1]
    return [name for name in dict.fromkeys([metric, *training]) if name in curves]


def chosen(variants: Sequence[Variant]) -> list[Variant]:
    """The baseline and others at even distances, at most MOST_SERIES, in their order."""
    if len(variants) <= MOST_SERIES:
        return list(variants)
    places = {round(at * (len(variants) - 1) / (MOST_SERIES - 2)) for at in range(MOST_SERIES - 1)}
    places |= {at for at, variant in enumerate(variants) if variant.baseline}
    return [variants[at] for at in sorted(places)][:MOST_SERIES]


def panel_of(
    metric: str, variants: Sequence[Variant], keys: Mapping[tuple[str, int], str], curves: Mapping[str, Curve]
) -> CurvePanel:
    """The curves of one metric; variants whose trials have fewer than two epochs in common are left out."""
    series = []
    for variant in variants:
        found = [keys.get((variant.config.variant_key, seed), "") for seed in variant.scores]
        points = band([curves[key] for key in found if key in curves])
        if len(points) > 1:
            series.append(CurveSeries(variant_label(variant, variant.levels or CASE_AXES), points))
    return CurvePanel(metric, tuple(series), variants[0].words if variants else NO_WORDS)
