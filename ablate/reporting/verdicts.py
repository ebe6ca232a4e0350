"""Whether the findings of a study's paper hold in its results.

A finding states something of all its levels, data sets and metrics.  What was measured of them can refute it, so it
disagrees as a whole; it can support only what was measured, so that it agrees in part, of every kind of check: also a
level that is the best of those that were run agrees in part, since one that was not run may be better.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ablate.draw.numbers import exact
from ablate.options import Value
from ablate.papers import PAPERS
from ablate.papers.reference import Ablation, numbers
from ablate.reporting.limits import skewness_caution
from ablate.reporting.measurements import Measurements, Restriction, VariantsOf, score_groups
from ablate.reporting.outcome import Outcome
from ablate.reporting.tested_parts import Share, Tested, level_name, shares
from ablate.stats.checks import LevelMissing, check_from, uncorrelated
from ablate.stats.scores import Scores
from ablate.stats.statements import Holds, Verdict
from ablate.study.words import Quantity

ANY = "any"  # stands for a data set in a finding that the paper states of no particular one


@dataclass(frozen=True)
class FindingVerdict:
    """A finding of the paper, and whether it holds in a study's results."""

    ablation: Ablation
    verdict: Verdict
    untested: tuple[str, ...] = ()  # parts of the finding that the study has no scores for, and why
    shares: tuple[Share, ...] = ()  # of its levels, statements and data sets, where not all were tested

    @property
    def holds(self) -> Holds:
        return self.verdict.holds

    @property
    def outcome(self) -> Outcome:
        return Outcome.of(self.holds, self.shares)

    @property
    def text(self) -> str:
        """The outcome with the tested part: `agrees in part: 2 of 5 levels, 1 of 6 data sets`."""
        return self.outcome.text(self.shares)

    @property
    def caution(self) -> str:
        """What skewness makes of the verdict; empty where nothing is to be said."""
        return skewness_caution(self.verdict)


def finding_verdict(ablation: Ablation, metrics: Iterable[str], variants_of: VariantsOf) -> FindingVerdict | None:
    """Whether a finding holds; None where nothing of it can be tested on the study's variants."""
    measurements = Measurements(PAPERS[ablation.paper], tuple(metrics), variants_of)
    every = [one for part in parts(ablation.check) for one in tested(part, ablation, measurements)]
    statements = [
        replace(statement, text=f"{one.label}: {statement.text}") for one in every for statement in one.statements
    ]
    if not statements:
        return None
    every += [Tested(text, reason="no metric stands for it") for text in without_metric(ablation.check)]
    untested = tuple(dict.fromkeys(f"{one.label}: {reason}" for one in every for reason in one.reasons))
    once = tuple(dict.fromkeys(statements))  # two parts of a finding may say the same
    return FindingVerdict(ablation, Verdict(once), untested, tuple(shares(every)))


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


def without_metric(check: Mapping[str, Any] | None) -> Iterator[str]:
    """The qualitative parts of a finding for which no metric stands in."""
    match check:
        case {"type": "all_of", "checks": checks}:
            for part in checks:
                yield from without_metric(part)
        case {"type": "qualitative", "statement": statement, "proxy": None}:
            yield statement


def tested(part: Restriction, ablation: Ablation, measurements: Measurements) -> Iterator[Tested]:
    """What the study's scores say of a part, for each data set and metric."""
    directions = {metric.name: metric.higher_is_better for metric in ablation.metrics}
    judged = [name for name, direction in directions.items() if direction is not None]
    metrics = part.get("metrics") or judged or list(directions)  # none is better or worse where only a trend is stated
    for dataset in part.get("datasets") or datasets(ablation, measurements):
        if part["type"] == "uncorrelated":
            yield correlated(part, ablation, measurements, dataset)
            continue
        for metric in metrics:
            if metric not in directions or not measured_on(ablation, metric, dataset):
                continue
            groups = list(score_groups(part, ablation, measurements, metric, dataset))
            better = -1 if directions[metric] is False else 1
            quantity = measurements.quantity(metric)
            found = [
                tested_on(part, ablation, dataset, f"{metric}, {dataset}{name}", scores, better, quantity)
                for name, scores in groups
            ]
            any_tested = any(one.statements for one in found)
            yield from (replace(one, count=0) if any_tested and not one.statements else one for one in found)
            for name in not_measured(part, [name for name, _ in groups], measurements):
                count = check_from(part).count(ablation.values)
                yield Tested(f"{metric}, {dataset}{name}", dataset, reason="not measured", count=count)


def not_measured(part: Restriction, groups: Sequence[str], measurements: Measurements) -> Iterator[str]:
    """The classifiers and methods that a part names and that have no scores; an empty name where nothing has."""
    if not groups:
        yield ""
        return
    found = {name for group in groups for name in group.split(", ")}
    classifiers = [measurements.names.classifiers.get(name, name) for name in part.get("classifiers", ())]
    yield from (f", {name}" for name in (*classifiers, *part.get("methods", ())) if name not in found)


def datasets(ablation: Ablation, measurements: Measurements) -> Iterable[str]:
    """The paper's data sets; those of the study where the finding is one of any data."""
    if ANY not in ablation.datasets:
        return ablation.datasets
    variants = (variant for metric in measurements.metrics for variant in measurements.variants_of(metric))
    return dict.fromkeys(measurements.dataset(variant) for variant in variants)


def measured_on(ablation: Ablation, metric: str, dataset: str) -> bool:
    """Whether the paper measures the metric on the data set."""
    return any(one.name == metric and (not one.datasets or dataset in one.datasets) for one in ablation.metrics)


def tested_on(
    part: Restriction,
    ablation: Ablation,
    dataset: str,
    label: str,
    scores: Scores,
    better: int,
    quantity: Quantity,
) -> Tested:
    """The statements of a part on these scores, or why there are none, and the paper's levels that they are of."""
    check = check_from(named_levels(part, scores))
    axis = paper_levels(ablation, dataset, scores)
    used = frozenset(map(level_name, check.levels(axis)))
    part_tested = Tested(label, dataset, (), used, used & frozenset(map(level_name, scores)), count=check.count(axis))
    try:
        found = check.statements(scores, better, lambda amount: quantity.difference(exact(amount * quantity.factor)))
        return replace(part_tested, statements=tuple(replace(one, quantity=quantity) for one in found))
    except LevelMissing as missing:
        return replace(part_tested, reason=f"{missing} was not measured")


def paper_levels(ablation: Ablation, dataset: str, scores: Scores) -> list[Value]:
    """The levels of the paper's axis, its method by the name that it has among the scores.

    Of methods, those that the paper prints a number of on the data set, where its table has numbers on it.
    """
    levels = [ours_among(scores) if value == "ours" else value for value in ablation.values]
    rows = [row for row in numbers(ablation.paper) if row.dataset == dataset and row.places & ablation.places]
    printed = {row.method for row in rows}
    if ablation.axis != "method" or not printed:
        return levels
    return [level for level in levels if level in printed or str(level).lower().startswith("ours")]


def ours_among(scores: Scores) -> Value:
    """The name that the paper's method has among the scores; `ours` where it has none."""
    return next((level for level in scores if str(level).startswith("Ours")), "ours")


def named_levels(part: Restriction, scores: Scores) -> Restriction:
    """The part with its level `ours` replaced by the name that the paper's method has among the scores."""
    return {name: ours_among(scores) if value == "ours" else value for name, value in part.items()}


def correlated(part: Restriction, ablation: Ablation, measurements: Measurements, dataset: str) -> Tested:
    """The statements on the correlation of two metrics, or why there are none."""
    label = ", ".join([*part["metrics"], dataset])
    both = [list(score_groups(part, ablation, measurements, metric, dataset)) for metric in part["metrics"]]
    if not all(both):
        return Tested(label, dataset, reason="not measured", count=2)
    first, second = (groups[0][1] for groups in both)
    levels = frozenset(map(level_name, ablation.values))
    measured = levels & frozenset(map(level_name, first)) & frozenset(map(level_name, second))
    try:
        found = tuple(uncorrelated(first, second, part["max_abs_correlation"]))
    except LevelMissing as missing:
        return Tested(label, dataset, (), levels, measured, f"{missing} was not measured", 2)
    return Tested(label, dataset, found, levels, measured, count=2)
