"""The params of an MLflow run: what a person filters and groups runs by."""

from collections.abc import Mapping

from ablate.errors import StudyError
from ablate.methods import METHODS
from ablate.options import Value, options_of
from ablate.track.tags import PARAM_LIMIT, metric_name
from ablate.train.recipe import Recipe
from ablate.trial import Trial

ALWAYS = ("epochs", "batch_size", "learning_rate", "optimizer")  # of training, also at their defaults
NETWORK = ("network", "width")  # of methods that have them, also at their defaults


def params_of(trial: Trial, seeded: bool = True) -> dict[str, str]:
    """Name → value: the levels first, then what every trial has, then each setting that differs from its default.

    The default is that of the method or the recipe, as `ablate list methods` prints it, not the paper's for a data set.
    Settings of probes are no params, which MLflow cannot change: a trial may be scored again with others.
    """
    config = trial.config
    always = {"method": config.method, "dataset": config.dataset, **({"seed": config.seed} if seeded else {})}
    training = chosen(config.training, ALWAYS, Recipe)
    method = chosen(config.settings, NETWORK, method_class(config.method))
    settings = {f"training.{name}": value for name, value in training.items()}
    settings |= {f"method.{name}": value for name, value in method.items()}
    every = {**trial.levels, **{name: value for name, value in (always | settings).items() if name not in trial.levels}}
    return {metric_name(name): str(value)[:PARAM_LIMIT] for name, value in every.items()}


def chosen(settings: Mapping[str, Value], always: tuple[str, ...], owner: type | None) -> dict[str, Value]:
    """The settings that are always named, and those that differ from the owner's defaults; all without an owner."""
    defaults = {option.name: option.default for option in options_of(owner)} if owner is not None else {}
    named = {name: settings[name] for name in always if name in settings}
    differing = {name: value for name, value in settings.items() if name not in defaults or value != defaults[name]}
    return {**named, **differing}


def method_class(name: str) -> type | None:
    """The class of a method; None where this machine lacks the package that it comes from."""
    try:
        return METHODS[name]
    except StudyError:
        return None
