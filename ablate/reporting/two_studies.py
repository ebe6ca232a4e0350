"""Compares two studies, or two versions of one: settings that differ, and the variants that both have."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ablate.draw.figure_specs import DifferenceFigure, DifferenceRow
from ablate.draw.labels import variant_label
from ablate.draw.numbers import ABSENT
from ablate.options import Value
from ablate.reporting.design_findings import better
from ablate.reporting.links import NO_LINKS, Links, links_of
from ablate.stats.comparisons import Comparison, adjusted_where_known
from ablate.stats.estimate import Estimate
from ablate.stats.paired import PairedDifference
from ablate.stats.results import Result
from ablate.stats.seeds_needed import LEAST_SEEDS
from ablate.stats.statements import LEVEL
from ablate.stats.unpaired import unpaired_difference
from ablate.stats.variants import CASE_AXES, Variant, setting_of, variants_of
from ablate.study.model import Study
from ablate.study.words import Quantity, Words, level_text

MAX_VALUES = 8  # of a setting, that are listed


@dataclass(frozen=True)
class StudyResults:
    """A study, what to call it, and its results."""

    label: str
    study: Study
    results: tuple[Result, ...]
    runs: str = ""  # the address that a run's id follows in MLflow's UI


@dataclass(frozen=True)
class SettingDifference:
    """A setting whose values differ between two studies, each as text."""

    name: str
    first: str
    second: str


@dataclass(frozen=True)
class SharedVariant:
    """A variant that both studies have: the second study's scores minus the first's."""

    label: str
    first: Variant
    second: Variant
    difference: Estimate
    p_value: float | None
    p_adjusted: float | None  # by Holm's rule, over all variants that both have
    paired: bool  # by seed; else the samples are independent
    same_trials: bool  # both studies use the same trials, so that nothing can differ

    @property
    def differs(self) -> bool:
        """Whether the difference is shown at 5 %."""
        enough = self.difference.n >= LEAST_SEEDS
        return enough and self.p_adjusted is not None and self.p_adjusted <= LEVEL

    @property
    def excludes_zero_unshown(self) -> bool:
        """Whether the interval, which is of this variant alone, excludes 0 while Holm's correction shows nothing."""
        tested = not self.same_trials and self.difference.n >= LEAST_SEEDS
        return tested and not self.differs and self.difference.excludes_zero


@dataclass(frozen=True)
class TwoStudies:
    """Everything that the comparison of two studies states."""

    first: str  # their labels
    second: str
    metric: str
    words: Words  # of the first study
    settings: tuple[SettingDifference, ...]
    shared: tuple[SharedVariant, ...]
    only_first: tuple[str, ...]  # labels of variants
    only_second: tuple[str, ...]
    links: tuple[Links, Links] = (NO_LINKS, NO_LINKS)  # of the first study, of the second

    @property
    def quantity(self) -> Quantity:
        """The metric as it is shown."""
        return self.words.quantity(self.metric)

    @property
    def figure(self) -> DifferenceFigure | None:
        """The paired differences, a row per variant; None where there are none."""
        better_of = better(self.metric)
        paired = [one for one in self.shared if one.paired and not one.same_trials]
        rows = [
            DifferenceRow(
                one.label,
                Comparison(
                    one.second,
                    one.first,
                    PairedDifference.of(one.second.scores, one.first.scores, better_of),
                    one.p_adjusted,
                    None,
                    None,
                    len(self.shared),
                ),
            )
            for one in paired
        ]
        return DifferenceFigure(self.metric, self.first, tuple(rows), words=self.words) if rows else None


def compare_studies(first: StudyResults, second: StudyResults) -> TwoStudies:
    """The comparison of two studies by the metric of the first."""
    metric = first.study.compared_metric
    sides = [variants_of(one.study, one.results, metric) for one in (first, second)]
    axes = shared_axes(sides)
    found = [{identity(variant, axes): variant for variant in side} for side in sides]
    both = [key for key in found[0] if key in found[1]]
    shared = shared_variants([(found[0][key], found[1][key]) for key in both], axes, better(metric), first, second)
    only = [
        tuple(label_of(variant, axes) for key, variant in found[side].items() if key not in found[1 - side])
        for side in (0, 1)
    ]
    settings = tuple(setting_differences(first, second))
    links = (links_of(first.results, first.runs), links_of(second.results, second.runs))
    return TwoStudies(first.label, second.label, metric, first.study.words, settings, shared, only[0], only[1], links)


def shared_axes(sides: Sequence[Sequence[Variant]]) -> tuple[str, ...]:
    """The axes of either study; data set and method only where one of the studies has several."""
    several = [axis for axis in CASE_AXES if any(len({one.level(axis) for one in side}) > 1 for side in sides)]
    written = dict.fromkeys(axis for side in sides for variant in side for axis in variant.levels)
    return tuple(dict.fromkeys([*several, *written]))


def identity(variant: Variant, axes: Iterable[str]) -> tuple[Hashable, ...]:
    """The variant's settings on the axes: one that is not on an axis has it among its fixed settings or defaults."""
    return tuple(known(level_on(variant, axis)) for axis in axes)


def level_on(variant: Variant, axis: str) -> object:
    return variant.level(axis) if variant.has(axis) else setting_of(variant.config, axis)


def known(level: object) -> Hashable:
    """A level by which variants are matched: 1 and 1.0 are the same, and 1 is not True."""
    return (type(level) is bool, level) if isinstance(level, Hashable) else str(level)


def label_of(variant: Variant, axes: Sequence[str]) -> str:
    """The variant by its levels on the axes, its method and data set where it has none."""
    others = {axis: setting_of(variant.config, axis) for axis in axes if not variant.has(axis)}
    fixed = {axis: level for axis, level in others.items() if isinstance(level, str | int | float) and level}
    levels = {**variant.every_level, **fixed}
    return variant.words.assignments(levels, axes) or variant_label(variant, CASE_AXES)


def shared_variants(
    pairs: Sequence[tuple[Variant, Variant]],
    axes: Sequence[str],
    better_of: int,
    first: StudyResults,
    second: StudyResults,
) -> tuple[SharedVariant, ...]:
    """The differences of the variants that both studies have, with Holm's correction over them."""
    keys = [{(one.variant, one.seed): one.key for one in side.results} for side in (first, second)]
    found = []
    for one, other in pairs:
        seeds = one.scores.keys() & other.scores.keys()
        same = bool(seeds) and all(
            keys[0].get((one.config.variant_key, seed)) == keys[1].get((other.config.variant_key, seed))
            for seed in seeds
        )
        if seeds:
            paired = PairedDifference.of(other.scores, one.scores, better_of)
            found.append((one, other, paired.estimate, paired.p_value, True, same))
        else:
            estimate, p = unpaired_difference(list(other.scores.values()), list(one.scores.values()))
            found.append((one, other, estimate, p, False, False))
    tested = [p if not same else None for *_, p, _, same in found]
    return tuple(
        SharedVariant(label_of(one, axes), one, other, estimate, p, adjusted, by_seed, same)
        for (one, other, estimate, p, by_seed, same), adjusted in zip(found, adjusted_where_known(tested), strict=True)
    )


def setting_differences(first: StudyResults, second: StudyResults) -> Iterable[SettingDifference]:
    """The settings whose values differ between the trials of two studies, and what is scored."""
    sides = [values_of(one) for one in (first, second)]
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        one, other = (side.get(name, {}) for side in sides)
        if set(one) != set(other):
            yield SettingDifference(name, listed(one), listed(other))


def values_of(one: StudyResults) -> Mapping[str, Mapping[str, None]]:
    """Setting → the values that it has in the study's trials, in order."""
    found: dict[str, dict[str, None]] = {}

    def add(name: str, value: Value) -> None:
        found.setdefault(name, {})[level_text(value)] = None

    add("metric", one.study.compared_metric)
    for result in one.results:
        config = result.trial.config
        add("method", config.method)
        add("revision of the method", f"{config.method} {config.revision}")
        add("dataset", config.dataset)
        add("version of the data", " ".join(filter(None, (config.dataset, config.version, config.data))))
        add("seed", config.seed)
        for name, value in config.settings.items():
            add(f"method.{name}", value)
        for name, value in config.training.items():
            add(f"training.{name}", value)
        for probe, settings in result.trial.probes.items():
            add("probe", probe)
            for name, value in settings.items():
                add(f"probes.{probe}.{name}", value)
    return found


def listed(values: Mapping[str, None]) -> str:
    """The first values, and how many more there are."""
    texts = list(values)
    more = [f"and {len(texts) - MAX_VALUES} more"] if len(texts) > MAX_VALUES else []
    return ", ".join([*texts[:MAX_VALUES], *more]) or ABSENT
