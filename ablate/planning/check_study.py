"""Checks of a whole study: its size, and every name, path and value in it, before anything is combined."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from ablate.data import DATASETS
from ablate.errors import StudyError, check_all, placed_at
from ablate.methods import METHODS
from ablate.options import Option, Value
from ablate.papers import PAPERS
from ablate.papers.defaults import paper_defaults
from ablate.planning.design import count_comparisons, count_trials
from ablate.planning.fixed_settings import every_fixed_settings, method_defaults
from ablate.probes import PROBES
from ablate.registry import Registry, suggest
from ablate.study.assignments import METHOD_AND_DATASET, Assignment, assignments
from ablate.study.coercion import coerce, options_by_name
from ablate.study.model import Study
from ablate.study.seeds import LEVEL, least_deciding
from ablate.study.setting_paths import check_axis, check_path
from ablate.train.recipe import Recipe
from ablate.training_faults import EMBEDDING_METRICS
from ablate.trial import Trial

MAX_TRIALS = 10_000  # without confirmation

OptionsByPath = Mapping[str, tuple[Option, ...]]  # path → the option of every method of a case that has one there


def check_size(study: Study, yes: bool) -> None:
    """Raise StudyError for a study of more than 10,000 trials that is not confirmed."""
    trials = count_trials(study)
    if trials > MAX_TRIALS and not yes:
        remedy = "vary less, or confirm with --yes"
        raise StudyError(f"the study has {trials:,} trials, more than {MAX_TRIALS:,}", remedy, study.place("seeds"))


def check_seed_rule(study: Study) -> None:
    """Raise StudyError where a rule of seeds has nothing to decide, or too few seeds to decide anything."""
    rule, comparisons = study.seed_rule, count_comparisons(study)
    if rule is None:
        return
    if not comparisons:
        remedy = "add an axis, or write how many seeds there are, as in 'seeds: 5'"
        raise StudyError("nothing is compared with a baseline, so no seeds can be added", remedy, study.place("seeds"))
    least = least_deciding(LEVEL / comparisons)
    if rule.at_most < least:
        compared = "one comparison" if comparisons == 1 else f"{comparisons} comparisons"
        problem = f"{rule.at_most} seeds cannot decide {compared}: with fewer than {least}, differences of one sign"
        place = study.place("seeds", "at_most")
        raise StudyError(f"{problem} on every seed are no rarity", f"write an 'at_most' of {least} or more", place)


def check_study(study: Study) -> None:
    """Raise StudyError for the first name or value that does not exist, with the others.

    Values are checked in the cases whose names exist; labels and metrics where all names do.
    """
    cases = range(len(study.cases))
    names = [check for index in cases for check in name_checks(study, index)]
    values = [partial(check_values, study, index) for index in cases]
    check_all(
        [
            lambda: check_seed_rule(study),
            lambda: check_paper(study),
            *(partial(look_up, PROBES, name, study.place("probes", at)) for at, name in enumerate(study.probes)),
            *names,
            *values,
        ]
    )
    check_all([lambda: check_labels(study), *metric_checks(study)])


def check_paper(study: Study) -> None:
    """Raise StudyError for a paper that does not exist."""
    if study.paper is not None:
        look_up(PAPERS, study.paper.id, study.place("paper", "id"))


def name_checks(study: Study, index: int) -> Iterator[Callable[[], None]]:
    """The checks that a case's paper of defaults, methods and data sets exist."""
    defaults = study.cases[index].defaults
    if defaults is not None:
        yield partial(look_up, PAPERS, defaults, study.place("cases", index, "defaults"))
    for one in assignments(study, index):
        if one.path in METHOD_AND_DATASET:
            yield partial(look_up, METHODS if one.path == "method" else DATASETS, str(one.value), one.place)


def look_up(registry: Registry[Any], name: str, place: str) -> None:
    """Raise StudyError at the place of a name that a registry does not have."""
    with placed_at(place):
        registry[name]


def metric_checks(study: Study) -> Iterator[Callable[[], None]]:
    """The checks of the study's metric and of those of its search."""
    yield partial(check_metric, study, study.metric, study.place("metric"))
    for metric in study.search.objectives if study.search is not None else ():
        yield partial(check_metric, study, metric, study.key_place("search", "objectives", metric))
    for position, limit in enumerate(study.search.limits if study.search is not None else ()):
        yield partial(check_metric, study, limit.metric, study.place("search", "constraints", position))


def check_labels(study: Study) -> None:
    """Raise StudyError for a label of no setting, data set, method or metric, or of a level that it cannot have.

    Labels of levels and probes that a profile leaves out stay valid.
    """
    known: dict[str, tuple[Option, ...]] = {}
    for index in range(len(study.cases)):
        known |= options_by_path(study, index)
    for path, label in study.labels.items():
        place = study.key_place("labels", path)
        if "/" in path and not is_scored(path):
            check_metric(study, path, place)
        elif "/" not in path and path not in METHOD_AND_DATASET:
            with placed_at(place):
                check_path(path, known, study.probes)
        for level in label.levels:
            with placed_at(study.key_place("labels", path, "levels", level)):
                check_level_name(path, level, known.get(path, ()))


def is_scored(metric: str) -> bool:
    """Whether some probe computes a metric."""
    probe, _, name = metric.partition("/")
    return probe in PROBES and name in PROBES[probe].metrics


def check_level_name(path: str, level: str, options: Sequence[Option]) -> None:
    """Raise StudyError for a method or a data set that does not exist, or a value that the setting cannot have."""
    if path in METHOD_AND_DATASET:
        (METHODS if path == "method" else DATASETS)[level]
    for option in options:
        coerce(option, value_of(level), path)


def value_of(level: str) -> Value:
    """The level whose text this is (`study.words.level_text`)."""
    words: dict[str, Value] = {"on": True, "off": False, "none": None}
    if level in words:
        return words[level]
    for kind in (int, float):
        with suppress(ValueError):
            return kind(level)
    return level


def check_values(study: Study, index: int) -> None:
    """Raise StudyError for unknown settings of a case and values of the wrong type or range, where its names exist.

    Settings of probes are left out where a probe does not exist.
    """
    if not all(passes(check) for check in name_checks(study, index)):
        return
    options, methods = options_by_path(study, index), methods_of_case(study, index)
    unknown_probe = any(name not in PROBES for name in study.probes)
    check_all(
        partial(check_assignment, one, options, methods_with(study, one.path) or methods, study.probes)
        for one in assignments(study, index)
        if one.path not in METHOD_AND_DATASET and not (unknown_probe and one.path.startswith("probes."))
    )
    check_baseline(study, index)


def passes(check: Callable[[], None]) -> bool:
    """Whether a check raises no StudyError."""
    try:
        check()
    except StudyError:
        return False
    return True


def methods_with(study: Study, path: str) -> tuple[str, ...]:
    """The method that the condition of a searched path names; none where it names none."""
    needed = study.search.conditions(path) if study.search is not None and path in study.search.space else {}
    return (str(needed["method"]),) if "method" in needed else ()


def check_baseline(study: Study, index: int) -> None:
    """Raise StudyError where the baseline of a case names a path that is no axis of it."""
    case = study.cases[index]
    for axis in case.baseline:
        if axis not in case.axes:
            remedy = f"choose from {', '.join(case.axes)}" if case.axes else "the study has no axes"
            place = study.key_place("cases", index, "baseline", axis)
            raise StudyError(f"the baseline names '{axis}', which is no axis", remedy, place)


def check_assignment(one: Assignment, options: OptionsByPath, methods: Sequence[str], probes: Sequence[str]) -> None:
    with placed_at(one.key_place):
        check_path(one.path, options, probes)
        if one.varies:
            check_axis(one.path)
            check_of_every_method(one.path, methods)
    with placed_at(one.place):
        for option in options[one.path]:
            coerce(option, one.value, one.path)


def check_of_every_method(path: str, methods: Sequence[str]) -> None:
    """Raise StudyError for an axis that is not a setting of every method of its case."""
    section, _, name = path.partition(".")
    for method in methods if section == "method" else ():
        if name not in options_by_name(METHODS[method]):
            raise StudyError(f"method '{method}' has no setting '{name}' to vary", "give it a case of its own")


def check_metric(study: Study, metric: str, place: str) -> None:
    """Raise StudyError for a metric that is no score of a chosen probe, no value of training and none of embeddings."""
    computed = [f"{probe}/{name}" for probe in study.probes for name in PROBES[probe].metrics]
    logged = logged_metrics(study)
    if metric in (*computed, *logged, *EMBEDDING_METRICS):
        return
    if metric.startswith("embedding/"):
        raise StudyError(f"no metric of embeddings is called '{metric}'", suggest(metric, EMBEDDING_METRICS), place)
    if metric.startswith("train/"):
        problem = f"no method of the study logs '{metric}'"
        raise StudyError(problem, suggest(metric, logged) if logged else "choose a metric of a probe", place)
    probe = metric.partition("/")[0]
    if probe in PROBES and probe not in study.probes:
        raise StudyError(f"no chosen probe computes '{metric}'", f"add {probe} to 'probes'", place)
    raise StudyError(f"no chosen probe computes '{metric}'", suggest(metric, computed), place)


def logged_metrics(study: Study) -> tuple[str, ...]:
    """The metrics that training logs in the trials of some case."""
    names = {method for index in range(len(study.cases)) for method in methods_of_case(study, index)}
    methods = [METHODS[name] for name in sorted(names)]
    written = [(one.path, one.value) for index in range(len(study.cases)) for one in assignments(study, index)]
    fixed = [one for settings in every_fixed_settings(study) for one in settings.items()]
    validated = ("training.kept", "best") in [*written, *fixed]
    extra = ("validation_loss",) if validated else ()
    logged = [name for one in methods if one.objectives for name in (*one.logged, *extra)]
    return tuple(dict.fromkeys(f"train/{name}" for name in logged))


def check_distinct_variants(study: Study, trials: Sequence[Trial]) -> None:
    """Raise StudyError where two variants, of different cases, are the same trial."""
    first: dict[str, Trial] = {}
    for trial in trials:
        if trial.key in first:
            names = f"'{first[trial.key].variant_name}' and '{trial.variant_name}'"
            raise StudyError(
                f"two cases hold the same variant, {names}", "keep it in one of them", study.place("cases")
            )
        first[trial.key] = trial


def methods_of_case(study: Study, index: int) -> tuple[str, ...]:
    """The methods of a case: one, or the levels of its axis `method`."""
    return tuple(str(one.value) for one in assignments(study, index) if one.path == "method")


def options_by_path(study: Study, index: int) -> OptionsByPath:
    """Every path that a case may set, with the defaults that its methods have on its first data set."""
    found: dict[str, list[Option]] = {}
    probes = {f"probes.{name}": PROBES[name] for name in study.probes if name in PROBES}
    for method in methods_of_case(study, index):
        defaults = defaults_of(study, index, method)
        for section, owner in {"method": METHODS[method], **probes, "training": Recipe}.items():
            for name, option in options_by_name(owner).items():
                path = f"{section}.{name}"
                found.setdefault(path, []).append(replace(option, default=defaults.get(path, option.default)))
    return {path: tuple(options) for path, options in found.items()}


def defaults_of(study: Study, index: int, method: str) -> dict[str, Value]:
    """Path → default of a method on the first data set of a case, where that is not the setting's own."""
    case = study.cases[index]
    dataset = next(str(one.value) for one in assignments(study, index) if one.path == "dataset")
    of_paper = paper_defaults(case.defaults, method, dataset, study.probes) if case.defaults else {}
    return {**method_defaults(method, dataset), **of_paper}
