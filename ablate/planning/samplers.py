"""The samplers of a search: Optuna's class of each name, the options that it takes, and the choice of `auto`."""

import inspect
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ablate.errors import StudyError
from ablate.registry import suggest
from ablate.study.model import Study
from ablate.study.scalars import format_value
from ablate.study.search import Choices, Search

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

CLASSES: Mapping[str, str] = {
    "tpe": "TPESampler",
    "gp": "GPSampler",
    "cmaes": "CmaEsSampler",
    "nsga2": "NSGAIISampler",
    "nsga3": "NSGAIIISampler",
    "qmc": "QMCSampler",
    "random": "RandomSampler",
    "grid": "RandomSampler",  # every setting is enqueued before a proposal, so it samples none
}
GP_AT_MOST = 250  # proposals; from then on Gaussian processes take longer than they save
KINDS: Mapping[str, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "float": (int, float), "str": (str,)}


def chosen_sampler(search: Search) -> str:
    """The name of the sampler; `auto` becomes one that suits the space and the number of proposals.

    As OptunaHub's AutoSampler does for one objective: TPE where there are choices or conditions, else Gaussian
    processes for up to 250 proposals, else CMA-ES.
    """
    if search.sampler != "auto":
        return search.sampler
    if any(isinstance(part, Choices) or part.when for part in search.space.values()):
        return "tpe"
    return "gp" if search.trials <= GP_AT_MOST else "cmaes"


def make_sampler(search: Search, seed: int) -> "BaseSampler":
    """The sampler of a search, with its options.  Raises TypeError or ValueError for options that it refuses."""
    from optuna import samplers

    name = chosen_sampler(search)
    options: dict[str, Any] = {}
    if name == "tpe" and any(part.when for part in search.space.values()):
        options = {"multivariate": True, "group": True}  # else conditional settings are sampled one by one
    if name == "qmc":
        options = {"scramble": True, "warn_asynchronous_seeding": False}
    known = inspect.signature(getattr(samplers, CLASSES[name])).parameters
    if "warn_independent_sampling" in known:
        options["warn_independent_sampling"] = False  # as CMA-ES does for choices
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # samplers that Optuna calls experimental
        made: BaseSampler = getattr(samplers, CLASSES[name])(seed=seed, **{**options, **search.sampler_options})
    return made


def check_sampler(study: Study) -> None:
    """Raise StudyError for an option that the search's sampler does not take; Optuna is imported only for this."""
    if study.search is None or not study.search.sampler_options:
        return
    from optuna import samplers

    name = chosen_sampler(study.search)
    known = option_kinds(getattr(samplers, CLASSES[name])) if name != "grid" else {}
    for option, value in study.search.sampler_options.items():
        where = ("search", "sampler_options", option)
        if option not in known:
            remedy = suggest(option, list(known)) if known else "leave 'sampler_options' out"
            raise StudyError(f"sampler '{name}' has no option '{option}'", remedy, study.key_place(*where))
        if not any(type(value) in KINDS[kind] for kind in known[option]):
            problem = f"'{option}' of sampler '{name}' must be {' or '.join(known[option])}, not {format_value(value)}"
            raise StudyError(problem, f"see the documentation of Optuna's {CLASSES[name]}", study.place(*where))
    try:
        make_sampler(study.search, 0)
    except (TypeError, ValueError) as error:
        remedy = f"see the documentation of Optuna's {CLASSES[name]}"
        raise StudyError(str(error), remedy, study.place("search", "sampler_options")) from None


def option_kinds(sampler: type) -> dict[str, tuple[str, ...]]:
    """Name → types of every option of a sampler that a study file can write; its seed is not one of them."""
    found = {}
    for name, parameter in inspect.signature(sampler).parameters.items():
        words = str(parameter.annotation).replace("|", " ").split()
        kinds = tuple(word for word in words if word in KINDS)
        if kinds and name != "seed":
            found[name] = kinds
    return found
