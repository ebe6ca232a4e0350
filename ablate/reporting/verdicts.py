"""Whether the findings of a study's paper hold in its results."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ablate.papers import PAPERS
from ablate.papers.reference import Ablation
from ablate.reporting.measurements import Measurements, Restriction, VariantsOf, score_groups
from ablate.stats.checks import LevelMissing, check_from, uncorrelated
from ablate.stats.scores import Scores
from ablate.stats.statements import Holds, Statement, Verdict

ANY = "any"  # stands for a data set in a finding that the paper states of no particular one


@dataclass(frozen=True)
class FindingVerdict:
    """A finding of the paper, and whether it holds in a study's results."""

    ablation: Ablation
    verdict: Verdict
    untested: tuple[str, ...] = ()  # parts of the finding that the study has no scores for, and why

    @property
    def holds(self) -> Holds:
        return self.verdict.holds


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
