"""The scores of a study's variants by the names of its paper, in groups along the axis of a finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ablate.options import Value, is_number
from ablate.papers.names import NUM_LABELS, PaperNames, as_text, split_label_count
from ablate.papers.reference import Ablation
from ablate.stats.scores import Scores
from ablate.stats.variants import CASE_AXES, Variant
from ablate.study.words import NO_QUANTITY, Quantity

VariantsOf = Callable[[str], Sequence[Variant]]  # our metric → the study's variants, scored by it
Restriction = Mapping[str, Any]  # a part of a finding's check: its type, parameters and restrictions


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

    def quantity(self, metric: str) -> Quantity:
        """One of the paper's metrics as the study shows it."""
        named = (variants for ours in self.paper_metrics.get(metric, ()) if (variants := self.variants_of(ours)))
        return next((variants[0].quantity for variants in named), NO_QUANTITY)

    @cached_property
    def paper_metrics(self) -> dict[str, list[str]]:
        """The paper's name of a metric, without its classifier → ours."""
        found: dict[str, list[str]] = {}
        for metric in self.metrics:
            if split_label_count(metric)[0] not in self.names.metric_levels:
                found.setdefault(self.names.metric(metric).partition(": ")[0], []).append(metric)
        return found


@dataclass(frozen=True)
class Scored:
    """A variant with scores, and its level of the ablation's axis."""

    level: Value
    variant: Variant


def score_groups(
    part: Restriction, ablation: Ablation, measurements: Measurements, metric: str, dataset: str
) -> Iterator[tuple[str, Scores]]:
    """Scores along the ablation's axis, a group for each classifier, count of labels and levels of the other axes.

    Cases of a study that have the same level make groups of their own, named by the settings in which they differ.
    """
    by_group: dict[str, list[Scored]] = {}
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
                names.append(method)  # the labels are those of a probe, so that methods may vary beside them
            else:
                level = measurements.level(variant, ablation.axis)
                names += [f"{labels} labels"] if labels is not None else []
            if ablation.axis not in ("method", NUM_LABELS) and part.get("methods"):
                names = [name for name in names if not name.startswith("method=")] + [method]
            name = "".join(f", {name}" for name in names if name)
            by_group.setdefault(name, []).append(Scored(level, variant))
    for name, members in by_group.items():
        for settings, group in apart(members):
            yield name + settings, in_order({one.level: dict(one.variant.scores) for one in group}, ablation)


def apart(members: Sequence[Scored]) -> list[tuple[str, list[Scored]]]:
    """All members without a name; where cases have the same level, those of each case, with what is theirs alone."""
    by_case: dict[int, list[Scored]] = {}
    for one in members:
        by_case.setdefault(one.variant.case, []).append(one)
    if len(by_case) == 1 or len({one.level for one in members}) == len(members):
        return [("", list(members))]
    fixed = [settings_beside_axes(group[0].variant) for group in by_case.values()]
    differing = [path for path in fixed[0] if len({settings.get(path) for settings in fixed}) > 1]
    names = ["".join(f", {path}={settings[path]}" for path in differing if path in settings) for settings in fixed]
    return list(zip(names, by_case.values(), strict=True))


def settings_beside_axes(variant: Variant) -> dict[str, Value]:
    """The settings of a variant that are on no axis, by their paths."""
    parts = {"method": variant.config.settings, "training": variant.config.training}
    paths = {f"{part}.{name}": value for part, settings in parts.items() for name, value in settings.items()}
    return {path: value for path, value in paths.items() if path not in variant.levels}


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
