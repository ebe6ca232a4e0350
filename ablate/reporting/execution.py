"""How a study was run: what its trials have in common, what they cost, and which have no value, faults or failures."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ablate.draw.labels import variant_label
from ablate.methods import METHODS
from ablate.reporting.cost import Failures, costs, failures
from ablate.stats.results import Result
from ablate.stats.variants import CASE_AXES, Variant, case_of
from ablate.study.model import Study
from ablate.study.words import level_text
from ablate.training_faults import RELATIVE_STD, collapse_warning, divergence_warning


@dataclass(frozen=True)
class Gap:
    """Seeds of a variant that have no value for the same reason."""

    variant: str
    seeds: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Execution:
    """How the trials of a study were run."""

    setup: tuple[tuple[str, str], ...]  # (name, text) of what all trials have in common, and of their cost
    progress: str = ""  # a sentence on the trials that have not ended; empty where all have
    gaps: tuple[Gap, ...] = ()
    warnings: tuple[str, ...] = ()  # sentences on trials whose training has a fault
    failures: tuple[Failures, ...] = ()  # by cause
    outdated: int = 0  # trials of an earlier version of the study file, which are left out


def execution_of(study: Study, results: Sequence[Result], variants: Sequence[Variant]) -> Execution:
    """How a study was run, by the results of all its trials and its variants in the compared metric."""
    return Execution(
        setup=(*setup(study, variants), *costs(results, study.budget)),
        progress=progress_of(results),
        gaps=tuple(gap for variant in variants for gap in gaps(variant)),
        warnings=tuple(warnings(results)),
        failures=failures(results, study.compared_metric),
        outdated=sum(case_of(study, result.trial) is None for result in results),
    )


def setup(study: Study, variants: Iterable[Variant]) -> Iterator[tuple[str, str]]:
    """What all trials have in common, as (name, text); without what the study does not set."""
    defaults = sorted({case.defaults for case in study.cases if case.defaults})
    fixed = [f"{path} = {level_text(level)}" for case in study.cases for path, level in case.fixed.items()]
    epochs = {str(variant.config.training.get("epochs", "–")) for variant in variants if trains(variant.config.method)}
    rows = {
        "Method": study.methods,
        "Data set": study.datasets,
        "Design": [case.design for case in study.cases],
        "Seeds": seeds_text(study),
        "Epochs": sorted(epochs),
        "Profile": [study.profile] if study.profile else [],
        "Defaults": [f"those of {paper}" for paper in defaults],
        "Fixed": fixed,
        "Probes": study.probes,
    }
    yield from ((name, ", ".join(dict.fromkeys(texts))) for name, texts in rows.items() if texts)


def seeds_text(study: Study) -> list[str]:
    """The seeds of all variants, or the rule that adds some."""
    rule = study.seed_rule
    if rule is None:
        return [str(seed) for seed in study.first_seeds]
    return [f"{rule.at_least} to {rule.at_most}, added where a comparison with the baseline is undecided"]


def progress_of(results: Sequence[Result]) -> str:
    """How many trials have ended, of a study that is not complete; else empty."""
    waiting = sum(not result.state.ended for result in results)
    if not waiting:
        return ""
    return f"{len(results) - waiting} of {len(results)} trials have ended: all numbers are of these."


def gaps(variant: Variant) -> Iterator[Gap]:
    """The seeds of a variant without a value, by reason."""
    name = variant_label(variant, dict.fromkeys([*CASE_AXES, *variant.levels]))
    for what, reasons in (("failed", variant.failed), ("no value", variant.no_value), ("", variant.stopped)):
        for reason in dict.fromkeys(reasons.values()):
            yield Gap(name, tuple(seed for seed, other in reasons.items() if other == reason), joined(what, reason))
    if variant.missing:
        yield Gap(name, variant.missing, "not run to the end")


def joined(what: str, reason: str) -> str:
    """`failed: reason`; the reason alone where it says what happened."""
    return f"{what}: {reason}" if what else reason


def warnings(results: Sequence[Result]) -> Iterator[str]:
    """A sentence for each variant with seeds whose training has a fault, by the worst of them."""
    worst_first = sorted(results, key=lambda result: result.metrics.get(RELATIVE_STD, math.inf))
    for of_fault in (collapse_warning, divergence_warning):
        found: dict[str, dict[int, str]] = {}
        for result in worst_first:
            if warning := of_fault(result.metrics):
                found.setdefault(result.trial.variant_name, {})[result.seed] = warning
        for name, by_seed in sorted(found.items()):
            listed = ", ".join(map(str, sorted(by_seed)))
            yield f"{name}, {'seed' if len(by_seed) == 1 else 'seeds'} {listed}: {next(iter(by_seed.values()))}."


def trains(method: str) -> bool:
    """Whether a method takes steps of training; epochs mean nothing to the others.  Unknown ones are taken to."""
    return method not in METHODS or bool(METHODS[method].objectives)
