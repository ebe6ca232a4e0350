"""Compares a study with its paper: the values printed for its variants, the findings, and the settings that differ."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from ablate.options import Value, is_number
from ablate.papers import PAPERS
from ablate.papers.defaults import paper_defaults
from ablate.papers.names import PaperNames
from ablate.papers.reference import Ablation, Printed, ablation_of, ablations_at, places_of, printed, usual_epochs
from ablate.probes import PROBES
from ablate.stats.estimate import Estimate
from ablate.stats.variants import CASE_AXES, Variant
from ablate.study.model import Study

SAMPLES = "training samples"
PROBE_COUNTS = ("labels", "points", "images")  # options of probes: of how many samples they make use
ALL = "all"  # samples
WIDTH = "width"  # of the networks that are built in several widths
PUBLISHED_WIDTH = 64  # of all networks that the papers name
NETWORKS = ("encoder", "backbone")  # the papers' names of a network that they state
COUNTS = ("epochs", "seeds", WIDTH, "batch_size", "latent_dim", *PROBE_COUNTS)  # fewer of them are a smaller scale


@dataclass(frozen=True)
class Difference:
    """A setting for which the study and the paper have different values."""

    name: str
    ours: float | str
    papers: float | str

    @property
    def smaller(self) -> bool:
        """Whether the study has less than the paper of COUNTS or of the samples, or another network."""
        if isinstance(self.papers, str) or isinstance(self.ours, str):
            return self.papers == ALL or self.name in NETWORKS
        return self.name.partition(" ")[0] in COUNTS and self.ours < self.papers


def place_in_paper(study: Study) -> str:
    """`Table V` or `Figure 6`, as the study or its ablation names it; empty where neither is named."""
    paper = study.paper
    if paper is None:
        return ""
    if paper.table is not None or paper.figure is not None:
        return f"Figure {paper.figure}" if paper.table is None else f"Table {paper.table}"
    ablation = ablation_of(paper)
    return ablation.where if ablation else ""


def ablations_of(study: Study, metric: str) -> tuple[Ablation, ...]:
    """The paper's ablations at the study's table or figure; empty where the study names no place in a paper.

    Those that share a data set, the metric or an axis with the study are preferred, in this order.
    Raises StudyError for an unknown ablation, table or figure.
    """
    if study.paper is None or not place_in_paper(study):
        return ()
    ablation = ablation_of(study.paper)
    if ablation:
        return (ablation,)
    names = PAPERS[study.paper.id]
    datasets = {paper_dataset(dataset, names) for dataset in study.datasets}
    axes = {names.axis(axis) for case in study.cases for axis in case.axes} or {"method"}
    candidates = ablations_at(study.paper.id, place_in_paper(study))
    candidates = _preferred(candidates, lambda ablation: bool(datasets.intersection(ablation.datasets)))
    candidates = _preferred(
        candidates, lambda ablation: names.metric(metric) in {measured.name for measured in ablation.metrics}
    )
    return _preferred(candidates, lambda ablation: ablation.axis in axes)


def _preferred(candidates: tuple[Ablation, ...], condition: Callable[[Ablation], bool]) -> tuple[Ablation, ...]:
    """The candidates for which the condition holds; all of them where it holds for none."""
    return tuple(ablation for ablation in candidates if condition(ablation)) or candidates


def printed_value(study: Study, ablations: Iterable[Ablation], variant: Variant, metric: str) -> Printed | None:
    """The value that the paper prints for a variant; None where it prints none, or several.

    An axis of the study that the paper's table does not vary must be at the paper's fixed value, or, where the paper
    gives none, at the study's baseline.  Of an axis whose better level the paper reports, every level is compared.
    """
    if study.paper is None:
        return None
    names = PAPERS[study.paper.id]
    fixed = {name: value for ablation in ablations for name, value in ablation.fixed.items()}
    required = {
        path: fixed[names.axis(path)] if is_number(fixed.get(names.axis(path))) else level
        for path, level in study.cases[variant.case].baseline.items()
    }
    method = names.method(variant.config.method, variant.config.settings)
    rows = printed(study.paper.id, places_of(study.paper), variant.config.dataset, metric, method)
    settings = {**paper_settings(variant, names), **names.levels_in_metric_name(metric)}
    matching = [
        row
        for row in rows
        if _settings_match(row, settings, names) and _others_as_required(row, variant, names, required)
    ]
    return matching[0] if len(matching) == 1 else None


def _settings_match(row: Printed, settings: Mapping[str, Value], names: PaperNames) -> bool:
    """Whether settings, by the paper's names, are at the row's levels."""
    return all(axis in settings and names.level(axis, settings[axis]) == level for axis, level in row.levels.items())


def _others_as_required(row: Printed, variant: Variant, names: PaperNames, required: Mapping[str, Value]) -> bool:
    """Whether a variant has the required level on each axis that neither the row nor the method's name determines."""
    determined = {*row.levels, *names.axes_in_method_name(variant.config.method)}
    either = (*CASE_AXES, names.better_of.get(variant.config.method))
    others = [path for path in variant.levels if names.axis(path) not in determined and path not in either]
    return all(path in required and variant.levels[path] == required[path] for path in others)


def paper_settings(variant: Variant, names: PaperNames) -> dict[str, Value]:
    """The method's and the training's settings of a variant, by the paper's names."""
    settings = {**variant.config.training, **variant.config.settings}
    return {names.axis(name): value for name, value in settings.items()}


def differences(study: Study, variants: Iterable[Variant], ablation: Ablation) -> tuple[Difference, ...]:
    """The numbers and the network fixed in the paper's ablation that differ from the study's; epochs, seeds, width.

    Of the probes whose metrics the ablation is of, how many samples they use.  An ablation that states no epochs has
    those of most others of its paper.  The seeds are those of the scored variant that has the fewest.
    """
    variants = list(variants)
    names, fixed = PAPERS[ablation.paper], {**usual_epochs(ablation.paper), **ablation.fixed}
    pairs = {Difference("seeds", seeds_run(study, variants), ablation.seeds)}
    for variant in variants:
        settings, varied = paper_settings(variant, names), {names.axis(path) for path in variant.levels}
        pairs.update(probe_differences(study, variant, ablation))
        for name, stated in fixed.items():
            ours, papers = settings.get(name), on_dataset(stated, variant.config.dataset, names)
            if name not in varied and is_number(ours) and is_number(papers):
                pairs.add(Difference(name, ours, papers))
            if name not in varied and name in NETWORKS and isinstance(ours, str):
                pairs.add(Difference(name, ours, str(papers)))
        width = variant.config.settings.get(WIDTH)
        if is_number(width) and width < PUBLISHED_WIDTH and WIDTH not in varied:
            pairs.add(Difference(WIDTH, width, PUBLISHED_WIDTH))
        samples = variant.config.training.get("samples")
        if is_number(samples) and samples and "samples" not in {*varied, *ablation.fixed}:
            pairs.add(Difference(SAMPLES, samples, ALL))
    differing = [pair for pair in pairs if pair.ours != pair.papers]
    return tuple(
        sorted(differing, key=lambda pair: (pair.name, pair.ours if is_number(pair.ours) else 0.0, str(pair.ours)))
    )


def on_dataset(stated: object, dataset: str, names: PaperNames) -> object:
    """What an ablation states of a setting for one of our data sets; the paper's name of it may have an own value."""
    return stated.get(paper_dataset(dataset, names)) if isinstance(stated, Mapping) else stated


def paper_dataset(dataset: str, names: PaperNames) -> str:
    """The paper's name of a data set, or of the one that it replaces."""
    return {**names.datasets, **names.stand_ins}.get(dataset, dataset)


def probe_differences(study: Study, variant: Variant, ablation: Ablation) -> Iterator[Difference]:
    """How many samples a variant's probes use, of those whose metrics the ablation is of, and how many the paper's.

    The paper's are ALL where it states no number for the method on the data set.
    """
    names, fixed = PAPERS[ablation.paper], study.cases[variant.case].fixed
    measured = {metric.name for metric in ablation.metrics}
    used = [
        probe
        for probe in study.probes
        if measured.intersection(names.metric(f"{probe}/{metric}") for metric in PROBES[probe].metrics)
    ]
    own_names = {papers: ours for ours, papers in names.datasets.items()}
    papers_name = paper_dataset(variant.config.dataset, names)
    stated = paper_defaults(ablation.paper, variant.config.method, own_names.get(papers_name, papers_name), used)
    for probe, count in product(used, PROBE_COUNTS):
        path = f"probes.{probe}.{count}"
        ours, papers = fixed.get(path), stated.get(path, ALL)
        if is_number(ours) and path not in variant.levels:
            yield Difference(f"{count} of {probe}", ours, papers if is_number(papers) else ALL)


def seeds_run(study: Study, variants: Iterable[Variant]) -> int:
    """The seeds with a score of the variant that has the fewest; those that are planned where none has any."""
    return min((len(variant.scores) for variant in variants if variant.scores), default=len(study.first_seeds))


def stand_ins(study: Study) -> dict[str, str]:
    """The study's data sets that replace one of the paper's: ours → the paper's."""
    if study.paper is None:
        return {}
    names = PAPERS[study.paper.id]
    return {dataset: names.stand_ins[dataset] for dataset in study.datasets if dataset in names.stand_ins}


def datasets_without_results(study: Study) -> tuple[str, ...]:
    """The study's data sets that the paper has no results on."""
    if study.paper is None:
        return ()
    names = PAPERS[study.paper.id]
    return tuple(dataset for dataset in study.datasets if dataset not in {**names.datasets, **names.stand_ins})


@dataclass(frozen=True)
class AgainstPaper:
    """A measured mean minus the value that the paper prints."""

    difference: float
    standard_errors: float | None  # the difference in standard errors; None where no spread is known


def against_paper(estimate: Estimate, printed: Printed, papers_seeds: int) -> AgainstPaper | None:
    """The difference between ours and the paper's; None without a mean.

    The standard error combines ours with the paper's, which is its printed deviation over the root of its seeds.
    """
    if estimate.mean is None:
        return None
    difference = estimate.mean - printed.value
    if estimate.std is None:
        return AgainstPaper(difference, None)
    seeds = papers_seeds if printed.spread == "standard deviation" else 1
    papers = (printed.std or 0.0) / math.sqrt(max(1, seeds))
    error = math.hypot(estimate.std / math.sqrt(estimate.n), papers)
    return AgainstPaper(difference, difference / error if error > 0 else None)
