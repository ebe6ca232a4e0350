"""The result of `ablate check`: a valid study's counts of trials and variants, its data sets and its whole text."""

from dataclasses import dataclass

from ablate.planning.design import count_confirming
from ablate.planning.requirements import check_requirements
from ablate.planning.resolve import count_proposals, resolve
from ablate.study.model import Study
from ablate.study.write import to_yaml


@dataclass(frozen=True)
class ValidStudy:
    """A study in which `resolve` found nothing wrong."""

    study: str
    trials: int
    variants: int
    datasets: tuple[str, ...]
    resolved: str  # as YAML, with every default


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
        variants=len({trial.variant for trial in trials}),
        datasets=tuple(sorted(study.datasets)),
        resolved=to_yaml(study),
    )
