"""Whether the findings of a study's paper hold in its results."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ablate.options import Value, is_number
from ablate.papers import PAPERS
from ablate.papers.names import NUM_LABELS, PaperNames, as_text, split_label_count
from ablate.papers.reference import Ablation
from ablate.stats.checks import LevelMissing, check_from, uncorrelated
from ablate.stats.scores import Scores
from ablate.stats.statements import Holds, Statement, Verdict
from ablate.stats.variants import CASE_AXES, Variant

VariantsOf = Callable[[str], Sequence[Variant]]  # our metric → the study's variants, scored by it
ANY = "any"  # stands for a data set in a finding that the paper states of no particular one
Restriction = Mapping[str, Any]  # a part of a finding's check: its type, parameters and restrictions


@dataclass(frozen=True)
class FindingVerdict:
    """A finding of the paper, and whether it holds in a study's results."""

    ablation: Ablation
    verdict: Verdict
    untested: tuple[str, ...] = ()  # parts of the finding that the study has no scores for, and why

    @property
    def holds(self) -> Holds:
        return self.verdict.holds


@dataclass(frozen=True)
class Measurements:
    """A study's variants by the paper's names."""

    names: PaperNames
    metrics: tuple[str, ...]  # ours, those that the study's trials have
    variants_of: VariantsOf

    def dataset(self, variant: Variant) -> str:
        """The paper's name of a variant's data set; of one that stands in for another, the other's."""
        ours = variant.config.dataset
        return {**self.names.datasets, **self.names.stand_ins}.get(ours, ours)

    def method(self, variant: Variant) -> str:
        return self.names.method(variant.config.method, variant.config.settings)

    def level(self, variant: Variant, axis: str) -> Value:
        """The variant's level of one of the paper's axes; the method, where the variant has no level of it."""
        for path, level in variant.levels.items():
            if path not in CASE_AXES and self.names.axis(path) == axis:
                text = self.names.level(axis, level)
                return level if is_number(level) and text == as_text(level) else text
        return self.method(variant)

    def rest(self, variant: Variant, axis: str) -> tuple[str, ...]:
        """The variant's other levels: where they differ, scores are not those of one axis."""
        by_method = self.names.axes_in_method_name(variant.config.method) | {"method"}
        on_axis = any(self.names.axis(path) == axis for path in variant.levels)
        return tuple(
            f"{path}={level}"
            for path, level in variant.levels.items()
            if self.names.axis(path) != axis
            and path != "dataset"
            and (on_axis or self.names.axis(path) not in by_method)
        )

    @cached_property
    def paper_metrics(self) -> dict[str, list[str]]:
        """The paper's name of a metric, without its classifier → ours."""
        found: dict[str, list[str]] = {}
        for metric in self.metrics:
            if split_label_count(metric)[0] not in self.names.metric_levels:
                found.setdefault(self.names.metric(metric).partition(": ")[0], []).append(metric)
        return found


def finding_verdict(ablation: Ablation, metrics: Iterable[str], variants_of: VariantsOf) -> FindingVerdict | None:
    """Whether a finding holds; None where nothing of it can be tested on the study's variants."""
    measurements = Measurements(PAPERS[ablation.paper], tuple(metrics), variants_of)
    statements: list[Statement] = []
    untested: list[str] = []
    for part in parts(ablation.check):
        for label, found in tested(part, ablation, measurements):
            if isinstance(found, str):
                untested.append(f"{label}: {found}")
            else:
                statements += [replace(statement, text=f"{label}: {statement.text}") for statement in found]
    if not statements:
        return None
    once = tuple(dict.fromkeys(statements))  # two parts of a finding may say the same
    return FindingVerdict(ablation, Verdict(once), tuple(dict.fromkeys(untested)))


def parts(check: Mapping[str, Any] | None) -> Iterator[Restriction]:
    """The checks that a finding consists of; of a qualitative one, those on the metric that stands in."""
    match check:
        case {"type": "all_of", "checks": checks}:
            for part in checks:
                yield from parts(part)
        case {"type": "qualitative", "proxy": proxy}:
            yield from parts(proxy)
        case Mapping():
            yield check


def tested(
    part: Restriction, ablation: Ablation, measurements: Measurements
) -> Iterator[tuple[str, list[Statement] | str]]:
    """For each data set and metric of a part: its label, and its statements or why it cannot be tested."""
    directions = {metric.name: metric.higher_is_better for metric in ablation.metrics}
    judged = [name for name, direction in directions.items() if direction is not None]
    metrics = part.get("metrics") or judged or list(directions)  # none is better or worse where only a trend is stated
    for dataset in part.get("datasets") or datasets(ablation, measurements):
        if part["type"] == "uncorrelated":
            yield ", ".join([*metrics, dataset]), correlated(part, ablation, measurements, dataset)
            continue
        for metric in metrics:
            if metric not in directions or not measured_on(ablation, metric, dataset):
                continue
            label = f"{metric}, {dataset}"
            groups = list(score_groups(part, ablation, measurements, metric, dataset))
            if not groups:
                yield label, "not measured"
            for name, scores in groups:
                better = -1 if directions[metric] is False else 1
                yield f"{label}{name}", statements_of(part, scores, better)


def datasets(ablation: Ablation, measurements: Measurements) -> Iterable[str]:
    """The paper's data sets; those of the study where the finding is one of any data."""
    if ANY not in ablation.datasets:
        return ablation.datasets
    variants = (variant for metric in measurements.metrics for variant in measurements.variants_of(metric))
    return dict.fromkeys(measurements.dataset(variant) for variant in variants)


def measured_on(ablation: Ablation, metric: str, dataset: str) -> bool:
    """Whether the paper measures the metric on the data set."""
    return any(one.name == metric and (not one.datasets or dataset in one.datasets) for one in ablation.metrics)


def statements_of(part: Restriction, scores: Scores, better: int) -> list[Statement] | str:
    """The statements of a part on these scores; why there are none."""
    try:
        return list(check_from(named_levels(part, scores)).statements(scores, better))
    except LevelMissing as missing:
        return f"{missing} was not measured"


def named_levels(part: Restriction, scores: Scores) -> Restriction:
    """The part with its level `ours` replaced by the name that the paper's method has among the scores."""
    ours = next((level for level in scores if str(level).startswith("Ours")), "ours")
    return {name: ours if value == "ours" else value for name, value in part.items()}


def correlated(
    part: Restriction, ablation: Ablation, measurements: Measurements, dataset: str
) -> list[Statement] | str:
    """The statements on the correlation of two metrics."""
    both = [list(score_groups(part, ablation, measurements, metric, dataset)) for metric in part["metrics"]]
    if not all(both):
        return "not measured"
    try:
        return list(uncorrelated(both[0][0][1], both[1][0][1], part["max_abs_correlation"]))
    except LevelMissing as missing:
        return f"{missing} was not measured"


def score_groups(
    part: Restriction, ablation: Ablation, measurements: Measurements, metric: str, dataset: str
) -> Iterator[tuple[str, Scores]]:
    """Scores along the ablation's axis, a group for each classifier, count of labels and levels of the other axes."""
    by_group: dict[str, dict[Value, dict[int, float]]] = {}
    for ours in measurements.paper_metrics.get(metric, ()):
        if not metric_allowed(part, ours, measurements.names):
            continue
        classifier = measurements.names.metric(ours).partition(": ")[2]
        labels = measurements.names.levels_in_metric_name(ours).get(NUM_LABELS)
        for variant in measurements.variants_of(ours):
            if not variant.scores or measurements.dataset(variant) != dataset:
                continue
            method = measurements.method(variant)
            if part.get("methods") and method not in part["methods"]:
                continue
            names = [classifier, *measurements.rest(variant, ablation.axis)]
            if ablation.axis == NUM_LABELS and labels is not None:
                level: Value = labels
            else:
                level = measurements.level(variant, ablation.axis)
                names += [f"{labels} labels"] if labels is not None else []
            if ablation.axis not in ("method", NUM_LABELS) and part.get("methods"):
                names.append(method)
            name = "".join(f", {name}" for name in names if name)
            by_group.setdefault(name, {})[level] = dict(variant.scores)
    for name, scores in by_group.items():
        yield name, in_order(scores, ablation)


def metric_allowed(part: Restriction, ours: str, names: PaperNames) -> bool:
    """Whether a part that is restricted to classifiers or a count of labels is about one of our metrics."""
    classifier = names.metric(ours).partition(": ")[2]
    allowed = [names.classifiers.get(name, name) for name in part.get("classifiers", ())]
    labels = names.levels_in_metric_name(ours).get(NUM_LABELS)
    return (not allowed or classifier in allowed) and part.get("num_labels", labels) == labels


def in_order(scores: Mapping[Value, Mapping[int, float]], ablation: Ablation) -> Scores:
    """The levels in the order of the axis: numbers ascending, others as the paper lists them."""
    if all(is_number(level) for level in scores):
        return {level: scores[level] for level in sorted(scores, key=lambda level: float(level or 0))}
    listed = [str(value) for value in ablation.values]
    return dict(sorted(scores.items(), key=lambda pair: listed.index(str(pair[0])) if str(pair[0]) in listed else 99))
