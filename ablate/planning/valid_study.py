"""The result of `ablate check`: a valid study's counts of trials and variants, its data sets and its whole text."""

from dataclasses import dataclass
from functools import partial
from itertools import islice

from ablate.planning.design import count_confirming, variants
from ablate.planning.requirements import check_requirements
from ablate.planning.resolve import count_proposals, resolve
from ablate.study.model import Case, Study, compared_axes
from ablate.study.words import difference_sentence
from ablate.study.write import to_yaml

MOST_LOOKED_AT = 10_000  # variants


@dataclass(frozen=True)
class ValidStudy:
    """A study in which `resolve` found nothing wrong."""

    study: str
    trials: int
    variants: int
    datasets: tuple[str, ...]
    resolved: str  # as YAML, with every default
    sentence: str  # in the form of a report's answer; empty where nothing is compared with a baseline


def validate(study: Study, yes: bool = False) -> ValidStudy:
    """Resolve a study; `yes` confirms more than 10,000 trials.

    Raises StudyError at the place of a mistake, and DataError where a file that a probe needs cannot be had.
    """
    trials = resolve(study, yes=yes)
    check_requirements(study, trials)
    searched = count_proposals(study) * len(study.first_seeds) + count_confirming(study)
    return ValidStudy(
        study=study.name,
        trials=searched if study.search else len(trials),
        variants=count_proposals(study) if study.search else len({trial.variant for trial in trials}),
        datasets=tuple(sorted(study.datasets)),
        resolved=to_yaml(study),
        sentence=next(filter(None, map(partial(example_sentence, study), study.cases)), ""),
    )


def example_sentence(study: Study, case: Case) -> str:
    """How the first difference of a case is written.

    `Compared with the baseline k=50, linear/accuracy is higher for k=100 (by …).`

    Empty where the case compares nothing.
    """
    every = list(islice(variants(case), MOST_LOOKED_AT))
    baseline = next((levels for levels in every if case.is_baseline(levels)), None)
    others = [levels for levels in every if not case.is_baseline(levels)]
    if baseline is None or not others:
        return ""
    other = min(others, key=lambda levels: sum(levels[axis] != baseline[axis] for axis in levels))
    first, second = (study.words.in_sentence(levels, compared_axes(levels)) for levels in (baseline, other))
    return difference_sentence(study.words.quantity(study.metric), "higher", first, f"{second} (by …)")
