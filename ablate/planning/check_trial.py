"""Checks of one resolved trial: whether its method and probes can work with these settings on this data."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from ablate.data import DATASETS
from ablate.data.dataset import Counts, Dataset
from ablate.data_info import DataInfo
from ablate.errors import StudyError, placed_at
from ablate.methods import METHODS
from ablate.methods.capabilities import CAPABILITIES, Capability, has_capability
from ablate.options import Value, build
from ablate.paths import data_folder
from ablate.probes import PROBES
from ablate.study.assignments import METHOD_AND_DATASET, assignments
from ablate.study.model import Study
from ablate.trial import ABSENT, Trial, short


def check_trial(study: Study, index: int, trial: Trial) -> None:
    """Raise StudyError where the method or a probe cannot work with these settings on this data."""
    config, dataset = trial.config, DATASETS[trial.config.dataset]
    counts = counts_of(dataset, config.data)
    batch_size, subset = config.training["batch_size"], config.training["samples"]
    assert isinstance(batch_size, int), "the recipe's types are checked before"
    assert isinstance(subset, int), "the recipe's types are checked before"
    method = build(METHODS[config.method], config.settings)
    check_snapshots(study, trial)
    try:
        check_subset(subset, counts.samples)
        check_kept(config.training, counts.samples)
        samples = subset or counts.samples
        method.check(DataInfo(dataset.shape, samples, dataset.classes, method.samples(batch_size)))
    except StudyError as error:
        raise StudyError(error.problem, error.remedy, place_of_cause(study, index, trial, error)) from None
    info = trial_info(trial)
    for position, (name, settings) in enumerate(trial.probes.items()):
        with placed_at(study.place("probes", position)):
            probe = build(PROBES[name], settings)
            check_capabilities(name, probe.required, config.method)
            probe.check(info)


def trial_info(trial: Trial) -> DataInfo:
    """The counts of a trial's data that its probes need to know."""
    dataset, subset = DATASETS[trial.config.dataset], trial.config.training["samples"]
    counts = counts_of(dataset, trial.config.data)
    assert isinstance(subset, int), "the recipe's types are checked before"
    return DataInfo(
        shape=dataset.shape,
        classes=dataset.classes,
        probed=counts.probed,
        evaluation=counts.evaluation,
        targets=counts.targets,
        validation=counts.samples - (subset or counts.samples),
    )


@lru_cache
def counts_of(dataset: type[Dataset], content: str) -> Counts:
    """The counts of a data set with this content: as it declares them, or those of the user's own files."""
    return dataset.declared_counts() if content in ("", ABSENT) else dataset().counts(data_folder())


def check_snapshots(study: Study, trial: Trial) -> None:
    """Raise StudyError where the study's metric is the best of several snapshots and the recipe keeps one."""
    probe, _, name = study.metric.partition("/")
    best = probe in study.probes and PROBES[probe].best_of_snapshots and name.startswith("best_")
    if best and trial.config.training["snapshots"] == 1:
        problem = f"'{study.metric}' is the best of several snapshots, and 'training.snapshots' is 1"
        raise StudyError(problem, "as in 'fixed: {training.snapshots: 10}'", study.place("metric"))


def check_kept(training: Mapping[str, Value], samples: int) -> None:
    """Raise StudyError where the best epoch is to be kept and nothing chooses it, or where several are to be kept."""
    if training["kept"] != "best":
        return
    if training["snapshots"] != 1:
        raise StudyError("kept 'best' is one encoder, and snapshots stores several", "leave one of them out")
    if training["samples"] in (0, samples):
        problem = f"kept 'best' needs validation samples, and training takes all {samples}"
        raise StudyError(problem, f"use training.samples below {samples}")


def check_subset(subset: int, samples: int) -> None:
    if subset > samples:
        problem = f"{subset} samples are more than the {samples} of the training set"
        raise StudyError(problem, f"use training.samples of at most {samples}, or 0 for all")


def check_capabilities(probe: str, needs: Sequence[Capability], method: str) -> None:
    """Raise StudyError where a probe needs a capability that the method does not have."""
    missing = [need for need in needs if not has_capability(METHODS[method], need)]
    if missing:
        able = sorted(name for name, kind in METHODS.items() if all(has_capability(kind, need) for need in needs))
        problem = f"the probe {probe} needs a method with {CAPABILITIES[missing[0]].words}, and '{method}' has none"
        raise StudyError(problem, f"leave the probe out, or choose from {', '.join(able)}")


def place_of_cause(study: Study, index: int, trial: Trial, error: StudyError) -> str:
    """Where the setting is written that the problem, or else the remedy, names; else where the method is."""
    written = list(assignments(study, index))
    for words in (error.problem, error.remedy):
        for one in written:
            holds = trial.levels.get(one.path) == one.value if one.varies else one.path not in METHOD_AND_DATASET
            if holds and re.search(rf"\b{short(one.path).replace('_', '[_ ]')}\b", words):
                return one.place
    return study.place("cases", index, "method")
