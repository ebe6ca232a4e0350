"""What the probes of a study need besides the data, such as the weights of a network."""

from collections.abc import Sequence

from ablate.options import build
from ablate.planning.resolve import fixed_levels, resolve_proposal
from ablate.probes import PROBES
from ablate.probes.weights import Weights
from ablate.study.assignments import space_values
from ablate.study.model import Study
from ablate.trial import Trial


def requirements(study: Study, trials: Sequence[Trial]) -> tuple[Weights, ...]:
    """What the probes of a study's trials need; those of a first proposal where a search has proposed none yet."""
    found = trials or proposal_like(study)
    used = {(name, tuple(settings.items())) for trial in found for name, settings in trial.probes.items()}
    needed = (one for name, settings in sorted(used, key=str) for one in build(PROBES[name], dict(settings)).weights())
    return tuple(dict.fromkeys(needed))


def proposal_like(study: Study) -> tuple[Trial, ...]:
    """Trials with the first values of a search's space."""
    if study.search is None:
        return ()
    levels = {path: next(iter(space_values(part).values())) for path, part in study.search.space.items()}
    return resolve_proposal(study, study.search.restrict(levels, fixed_levels(study)))


def check_requirements(study: Study, trials: Sequence[Trial]) -> None:
    """Raise DataError where a file that a probe needs is damaged, or is missing and cannot be downloaded."""
    for one in requirements(study, trials):
        one.check()


def fetch_requirements(study: Study, trials: Sequence[Trial]) -> None:
    """Download what the probes need and is missing.  Raises DataError as `check_requirements` does."""
    for one in requirements(study, trials):
        one.fetch()
