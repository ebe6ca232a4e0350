"""What a study's pruner compares: its metric, the probe that is scored between epochs, and the epochs of decisions."""

from collections.abc import Mapping

from ablate.errors import StudyError, placed_at
from ablate.launch_config import INTERIM, InterimProbe
from ablate.methods import METHODS
from ablate.options import Value, build
from ablate.planning.check_study import logged_metrics
from ablate.planning.check_trial import check_capabilities, trial_info
from ablate.planning.fixed_settings import fixed_settings
from ablate.probes import PROBES
from ablate.registry import suggest
from ablate.study.coercion import coerce, options_by_name
from ablate.study.model import Study
from ablate.study.pruner import Direction, Pruner
from ablate.trial import Trial

TRAINING = "train/"  # before the names of metrics of training


def compared_by(study: Study) -> str:
    """The metric that the pruner compares, as the study names it."""
    assert study.early_stopping is not None
    return study.early_stopping.metric or study.compared_metric


def recorded_as(study: Study) -> str:
    """The name under which every trial records that metric, epoch by epoch."""
    metric = compared_by(study)
    return metric if metric.startswith(TRAINING) else f"{INTERIM}{metric}"


def direction_of(study: Study) -> Direction:
    """Whether higher or lower values of the pruner's metric are better."""
    metric, pruner = compared_by(study), study.early_stopping
    assert pruner is not None
    if pruner.direction is not None:
        return pruner.direction
    if study.search is not None and metric in study.search.objectives:
        return study.search.objectives[metric]
    probe, _, name = metric.partition("/")
    if probe not in PROBES:
        return "minimize"
    return "maximize" if PROBES[probe].metrics.get(name) == "maximize" else "minimize"


def interim_probe(study: Study) -> InterimProbe | None:
    """The probe that scores trials between epochs; None where none does."""
    pruner = study.early_stopping
    if pruner is None or pruner.probe_every is None:
        return None
    name = compared_by(study).partition("/")[0]
    fixed = fixed_settings(study, study.cases[0], {})
    given = {option: fixed.get(f"probes.{name}.{option}") for option in options_by_name(PROBES[name])}
    return InterimProbe(name, probe_settings(study, name, given), pruner.probe_every)


def probe_settings(study: Study, name: str, fixed: Mapping[str, Value]) -> dict[str, Value]:
    """Every setting of that probe: of the pruner, else of the study, else the default."""
    pruner = study.early_stopping
    assert pruner is not None
    settings = {}
    for option_name, option in options_by_name(PROBES[name]).items():
        own = pruner.probe_options.get(option_name)
        with placed_at(study.place(*place_of_pruner(study), "probe_options", option_name)):
            value = own if option_name in pruner.probe_options else fixed.get(option_name)
            settings[option_name] = coerce(option, option.default if value is None else value, option_name)
    return settings


def place_of_pruner(study: Study) -> tuple[str, ...]:
    return ("pruner",) if study.search is None else ("search", "pruner")


def check_pruner(study: Study) -> None:
    """Raise StudyError for a metric that no trial has by epoch, or a probe that is not scored between epochs."""
    pruner = study.early_stopping
    if pruner is None:
        return
    metric, where = compared_by(study), place_of_pruner(study)
    place = study.place(*where, "metric") if pruner.metric is not None else study.place(*where)
    if metric.startswith(TRAINING):
        check_training_metric(study, metric, place)
        return
    probe, _, name = metric.partition("/")
    if probe not in PROBES or name not in PROBES[probe].metrics:
        known = [f"{one}/{other}" for one in (probe, *study.probes) if one in PROBES for other in PROBES[one].metrics]
        raise StudyError(f"'{metric}' is no metric by epoch", suggest(metric, [*known, *logged_metrics(study)]), place)
    if pruner.probe_every is None:
        problem = f"'{metric}' is known at the end of training only"
        raise StudyError(problem, "add 'probe_every: 10' to score it every ten epochs, or name a train/ metric", place)
    known_options = options_by_name(PROBES[probe])
    for option in pruner.probe_options:
        if option not in known_options:
            place = study.key_place(*where, "probe_options", option)
            raise StudyError(f"probe '{probe}' has no option '{option}'", suggest(option, list(known_options)), place)
    interim_probe(study)


def check_training_metric(study: Study, metric: str, place: str) -> None:
    pruner, where = study.early_stopping, place_of_pruner(study)
    assert pruner is not None
    logged = logged_metrics(study)
    if metric not in logged:
        remedy = suggest(metric, logged) if logged else "choose a metric of a probe, with probe_every"
        raise StudyError(f"no method of the study logs '{metric}'", remedy, place)
    for key in ("probe_every", "probe_options"):
        if getattr(pruner, key):
            problem = f"'{metric}' is no metric of a probe, and '{key}' is of one"
            raise StudyError(problem, "leave it out", study.key_place(*where, key))


def check_interim_probe(study: Study, trial: Trial) -> None:
    """Raise StudyError where the probe that is scored between epochs cannot work with a trial's method or data."""
    interim = interim_probe(study)
    if interim is None or interim.name in trial.probes:
        return
    with placed_at(study.place(*place_of_pruner(study))):
        probe = build(PROBES[interim.name], interim.settings)
        check_capabilities(interim.name, probe.required, trial.config.method)
        probe.check(trial_info(trial))


def trained_epochs(trial: Trial) -> int:
    """The epochs of a trial; 1 of a method that is solved in closed form or not trained."""
    epochs = trial.config.training["epochs"]
    assert isinstance(epochs, int), "the recipe's types are checked before"
    return epochs if METHODS[trial.config.method].objectives else 1


def rungs_of(pruner: Pruner, epochs: int, bracket: int = 0) -> tuple[int, ...]:
    """The epochs, before the last one, at which the pruner decides; `bracket` raises the first of them."""
    every = pruner.min_epochs
    if pruner.kind == "median":
        return tuple(range(every, epochs, every))
    found, rung = [], every * pruner.reduction_factor**bracket
    while rung < epochs:
        found.append(rung)
        rung *= pruner.reduction_factor
    return tuple(found)


def scored_epochs(pruner: Pruner, epochs: int) -> int:
    """How often a trial of so many epochs is scored before its last epoch."""
    return (epochs - 1) // pruner.probe_every if pruner.probe_every else 0
