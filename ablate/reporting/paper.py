"""What a study's paper says of its variants."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ablate.options import Value
from ablate.papers.names import PAPERS, Paper
from ablate.papers.reference import Ablation, Printed, ablation_of, ablations_at, places_of, printed
from ablate.stats.variants import OF_CASES, Variant, is_number
from ablate.study.model import Study


@dataclass(frozen=True)
class Difference:
    """A setting that the paper has otherwise."""

    name: str
    ours: float
    papers: float

    @property
    def smaller(self) -> bool:
        """Whether we spent less than the paper did."""
        return self.name in ("epochs", "seeds") and self.ours < self.papers


def place_of(study: Study) -> str:
    """`Table V` or `Figure 6`, where the paper answers, or the words of its ablation; empty where nothing is named."""
    paper = study.paper
    if paper is None:
        return ""
    if paper.table is not None or paper.figure is not None:
        return f"Figure {paper.figure}" if paper.table is None else f"Table {paper.table}"
    named = ablation_of(paper)
    return named.where if named else ""


def findings(study: Study, metric: str) -> tuple[Ablation, ...]:
    """The ablations at the study's table or figure; of its data sets, metric and axes where there are such."""
    if study.paper is None or not place_of(study):
        return ()
    named = ablation_of(study.paper)
    if named:
        return (named,)
    spelled = PAPERS[study.paper.id]
    names = {**spelled.datasets, **spelled.stand_ins}
    datasets = {names.get(dataset, dataset) for dataset in datasets_of(study)}
    axes = {spelled.axis(axis) for case in study.cases for axis in case.axes} or {"method"}
    found = ablations_at(study.paper.id, place_of(study))
    found = _narrow(found, lambda one: bool(datasets.intersection(one.datasets)))
    found = _narrow(found, lambda one: spelled.metric(metric) in {known.name for known in one.metrics})
    return _narrow(found, lambda one: one.axis in axes)


def _narrow(found: tuple[Ablation, ...], keep: Callable[[Ablation], bool]) -> tuple[Ablation, ...]:
    return tuple(one for one in found if keep(one)) or found


def expected(study: Study, one: Variant, metric: str) -> Printed | None:
    """The one number that the paper printed of this variant; None where it printed none, or several.

    What varies here and not in the paper's table has to be at the paper's fixed value, else at the study's baseline.
    """
    if study.paper is None:
        return None
    spelled = PAPERS[study.paper.id]
    fixed = {name: value for known in findings(study, metric) for name, value in known.fixed.items()}
    usual = {
        path: fixed[spelled.axis(path)] if is_number(fixed.get(spelled.axis(path))) else level
        for path, level in study.cases[one.case].baseline.items()
    }
    method = spelled.method(one.config.method, one.config.settings)
    where = (study.paper.id, places_of(study.paper), one.config.dataset, metric, method)
    by_metric = spelled.told_by_metric(metric)
    fitting = [row for row in printed(*where) if _fits(one, row, spelled, usual, by_metric)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(
    one: Variant, row: Printed, spelled: Paper, usual: Mapping[str, Value], by_metric: Mapping[str, Value]
) -> bool:
    """Whether a row is at the variant's levels, and the variant as usual wherever the row says nothing.

    `by_metric` are the levels that the metric tells.
    """
    settings = {**paper_settings(one, spelled), **by_metric}
    told = {*row.levels, *spelled.told(one.config.method, one.config.settings)}
    others = [path for path in one.levels if spelled.axis(path) not in told and path not in OF_CASES]
    return all(
        axis in settings and spelled.level(axis, settings[axis]) == level for axis, level in row.levels.items()
    ) and all(path in usual and one.levels[path] == usual[path] for path in others)


def paper_settings(one: Variant, spelled: Paper) -> dict[str, Value]:
    """The settings of a variant by the paper's names."""
    return {spelled.axis(name): value for name, value in {**one.config.training, **one.config.settings}.items()}


def differences(study: Study, found: Iterable[Variant], ablation: Ablation) -> tuple[Difference, ...]:
    """The numbers that the paper fixed and this study has otherwise, epochs and seeds among them."""
    spelled = PAPERS[ablation.paper]
    pairs = {Difference("seeds", len(study.seeds), ablation.seeds)}
    for one in found:
        settings, varied = paper_settings(one, spelled), {spelled.axis(path) for path in one.levels}
        for name, theirs in ablation.fixed.items():
            ours = settings.get(name)
            if name not in varied and is_number(ours) and is_number(theirs):
                pairs.add(Difference(name, ours, theirs))
    differing = [pair for pair in pairs if pair.ours != pair.papers]
    return tuple(sorted(differing, key=lambda pair: (pair.name, pair.ours)))


def stand_ins(study: Study) -> dict[str, str]:
    """The study's data sets that take the place of the paper's: ours → the paper's."""
    if study.paper is None:
        return {}
    known = PAPERS[study.paper.id].stand_ins
    return {dataset: known[dataset] for dataset in datasets_of(study) if dataset in known}


def strangers(study: Study) -> tuple[str, ...]:
    """The study's data sets of which the paper says nothing."""
    if study.paper is None:
        return ()
    spelled = PAPERS[study.paper.id]
    return tuple(name for name in datasets_of(study) if name not in spelled.datasets and name not in spelled.stand_ins)


def datasets_of(study: Study) -> tuple[str, ...]:
    """Every data set of the study, in its order."""
    named = [str(name) for case in study.cases for name in case.axes.get("dataset", (case.dataset,))]
    return tuple(dict.fromkeys(named))
