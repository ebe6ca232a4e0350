"""Where plan meets science: a study's names and settings, checked against what there is, become trials."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ablate.data import DATASETS
from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods import METHODS
from ablate.methods.capabilities import Capability, has_capability
from ablate.options import Option, Value, build, former_names
from ablate.papers.names import PAPERS
from ablate.planning.design import Levels, count_trials, variants
from ablate.probes import PROBES
from ablate.registry import suggest
from ablate.study.assignments import WHOLE, Statement, ends, statements
from ablate.study.coercion import coerced, fields_of
from ablate.study.model import Choices, Range, Study
from ablate.study.setting_paths import check_axis, check_path
from ablate.train.recipe import Recipe
from ablate.trial import Config, Trial, short

MOST_TRIALS = 10_000  # without a yes
PLAYED: Mapping[Capability, str] = {
    "posterior": "an encoder that gives a distribution",
    "code": "a decoder",
    "log_likelihood": "a density of the data",
    "view": "augmented views",
    "predict": "a classifier of its own",
}
Settings = Mapping[str, Value]
OptionsByPath = Mapping[str, tuple[Option, ...]]  # path → the setting of every method that has one there


def resolve(study: Study, *, yes: bool = False) -> tuple[Trial, ...]:
    """All planned trials, seed by seed, so that every variant has an answer early; none of a search.

    Raises StudyError at the place of an unknown name, of a setting that does not exist, has another type or is out of
    range, of settings that cannot work on the data, of a metric that no probe gives; and of more than 10,000 trials
    without a `yes`.
    """
    check_size(study, yes)
    check_study(study)
    check_space(study)
    planned = [template(study, index, levels) for index, case in enumerate(study.cases) for levels in variants(case)]
    check_different(study, planned)
    return tuple(seeded(trial, seed) for seed in study.seeds for trial in planned)


def propose(study: Study, params: Settings) -> tuple[Trial, ...]:
    """The trials of one proposal of a search: a level for each path of the space, and every seed."""
    trial = template(study, 0, params)
    return tuple(seeded(trial, seed) for seed in study.seeds)


def space(study: Study) -> dict[str, Range | Choices]:
    """A search's space with bounds in the types of their settings: 1 is 1.0 where floats are."""
    known = known_paths(study, 0)
    return {path: typed(part, known, path) for path, part in study.search.space.items()} if study.search else {}


def typed(part: Range | Choices, known: OptionsByPath, path: str) -> Range | Choices:
    if isinstance(part, Choices) or path in WHOLE:
        return part
    given = {"low": part.low, "high": part.high, **({} if part.step is None else {"step": part.step})}
    fitted = {key: coerced(replace(known[path][0], bounds={}), value, path) for key, value in given.items()}
    return part.model_copy(update=fitted)


def seeded(trial: Trial, seed: int) -> Trial:
    return replace(trial, config=trial.config.seeded(seed))


# What is written, against what there is.


def check_size(study: Study, yes: bool) -> None:
    trials = count_trials(study)
    if trials > MOST_TRIALS and not yes:
        remedy = "vary less, or confirm with --yes"
        raise StudyError(f"the study has {trials:,} trials, more than {MOST_TRIALS:,}", remedy, study.place("seeds"))


def check_study(study: Study) -> None:
    """Raise StudyError for the first name or value that does not exist, before anything is combined."""
    if study.paper is not None:
        with at(study.place("paper", "id")):
            PAPERS[study.paper.id]
    for index, name in enumerate(study.probes):
        with at(study.place("probes", index)):
            PROBES[name]
    for index in range(len(study.cases)):
        check_case(study, index)
    check_metric(study, study.metric, study.place("metric"))
    for metric in study.search.objectives if study.search is not None else ():
        check_metric(study, metric, study.named("search", "objectives", metric))


def check_case(study: Study, index: int) -> None:
    said = tuple(statements(study, index))
    for one in said:
        if one.path in WHOLE:
            with at(one.place):
                check_name(one)
    known, methods = known_paths(study, index), methods_of(study, index)
    for one in said:
        if one.path not in WHOLE:
            check_statement(one, known, methods, study.probes)


def check_name(one: Statement) -> None:
    registry = METHODS if one.path == "method" else DATASETS
    registry[str(one.value)]


def check_statement(one: Statement, known: OptionsByPath, methods: Sequence[str], probes: Sequence[str]) -> None:
    with at(one.named):
        check_path(one.path, known, probes)
        if one.varies:
            check_axis(one.path)
            check_shared(one.path, methods)
    with at(one.place):
        for option in known[one.path]:
            coerced(option, one.value, one.path)


def check_shared(path: str, methods: Sequence[str]) -> None:
    """An axis is a setting of every method of its case."""
    section, _, name = path.partition(".")
    for method in methods if section == "method" else ():
        if name not in fields_of(METHODS[method]):
            raise StudyError(f"method '{method}' has no setting '{name}' to vary", "give it a case of its own")


def check_metric(study: Study, metric: str, place: str) -> None:
    """A metric is given by a chosen probe, or said in training."""
    given = [f"{probe}/{name}" for probe in study.probes for name in PROBES[probe].metrics]
    if metric in given or (metric.startswith("train/") and metric != "train/"):
        return
    probe = metric.partition("/")[0]
    if probe in PROBES and probe not in study.probes:
        raise StudyError(f"no chosen probe gives '{metric}'", f"add {probe} to 'probes'", place)
    raise StudyError(f"no chosen probe gives '{metric}'", suggest(metric, given), place)


def check_snapshots(study: Study, trial: Trial) -> None:
    """The best of several snapshots needs several."""
    probe, _, name = study.metric.partition("/")
    best = probe in study.probes and PROBES[probe].best_of_snapshots and name.startswith("best_")
    if best and trial.config.training["snapshots"] == 1:
        problem = f"'{study.metric}' is the best of several snapshots, and 'training.snapshots' is 1"
        raise StudyError(problem, "as in 'fixed: {training.snapshots: 10}'", study.place("metric"))


def check_space(study: Study) -> None:
    """The ends of a search's space can work on the data, one at a time, so that no proposal of these is refused."""
    values = {path: list(ends(part).values()) for path, part in study.search.space.items()} if study.search else {}
    start = {path: levels[0] for path, levels in values.items()}
    for path, levels in values.items():
        for level in levels:
            template(study, 0, {**start, path: level})


def check_different(study: Study, planned: Sequence[Trial]) -> None:
    """No two variants, of different cases, are the same trial."""
    first: dict[str, Trial] = {}
    for trial in planned:
        if trial.key in first:
            problem = f"two cases hold the same variant, '{first[trial.key].variant_name}' and '{trial.variant_name}'"
            raise StudyError(problem, "keep it in one of them", study.place("cases"))
        first[trial.key] = trial


def methods_of(study: Study, index: int) -> tuple[str, ...]:
    return tuple(str(one.value) for one in statements(study, index) if one.path == "method")


def known_paths(study: Study, index: int) -> OptionsByPath:
    """Every path that the case may set."""
    found: dict[str, list[Option]] = {}
    owners: list[tuple[str, type]] = [("method", METHODS[method]) for method in methods_of(study, index)]
    owners += [(f"probes.{name}", PROBES[name]) for name in study.probes]
    for section, owner in [*owners, ("training", Recipe)]:
        for name, option in fields_of(owner).items():
            found.setdefault(f"{section}.{name}", []).append(option)
    return {path: tuple(settings) for path, settings in found.items()}


@contextmanager
def at(place: str) -> Iterator[None]:
    """Give an error from below the study's place."""
    try:
        yield
    except StudyError as error:
        raise StudyError(error.problem, error.remedy, error.place or place) from None


# What is said, made whole.


def template(study: Study, index: int, levels: Levels) -> Trial:
    """A case's variant with every setting named, for the first seed."""
    case = study.cases[index]
    given = {"method": case.method, "dataset": case.dataset, **case.fixed, **levels}
    config = trial_of(str(given["method"]), str(given["dataset"]), given, study.seeds[0])
    first = build(METHODS[config.method], config.settings).pretraining()
    if first is not None:
        said = below("training", config.training) | below("method", first.settings)
        config = replace(config, first=trial_of(first.method, config.dataset, said, config.seed))
    probes = {name: whole(PROBES[name], f"probes.{name}", given) for name in study.probes}
    trial = Trial(config, probes, study.name, dict(levels), label(study, index))
    check_job(study, index, trial)
    return trial


def trial_of(name: str, dataset: str, given: Settings, seed: int) -> Config:
    """A trial with every setting named: as given, else as the method's paper has it for the data, else its default."""
    method = METHODS[name]
    return Config(
        method=name,
        revision=method.revision,
        settings=whole(method, "method", {**below("method", method.datasets.get(dataset, {})), **given}),
        dataset=dataset,
        version=DATASETS[dataset].version,
        training=whole(Recipe, "training", {**below("training", method.recipe), **given}),
        seed=seed,
        key_names=former_names(method),
    )


def below(section: str, settings: Settings) -> dict[str, Value]:
    return {f"{section}.{name}": value for name, value in settings.items()}


def whole(owner: type, section: str, given: Settings) -> dict[str, Value]:
    """Every setting of a method, a probe or the recipe: as given, else its default."""
    return {
        name: coerced(option, given.get(f"{section}.{name}", option.default), f"{section}.{name}")
        for name, option in fields_of(owner).items()
    }


def label(study: Study, index: int) -> str:
    """What tells a case from the others: its name, or its data set and method where these differ."""
    if len(study.cases) == 1:
        return ""
    case = study.cases[index]
    differ = [name for name in ("dataset", "method") if len({getattr(one, name) for one in study.cases}) > 1]
    return case.name or ", ".join(str(getattr(case, name)) for name in differ) or f"case {index + 1}"


def check_job(study: Study, index: int, trial: Trial) -> None:
    """Let the method and the probes say whether these settings can work on this data."""
    config, dataset = trial.config, DATASETS[trial.config.dataset]
    batch_size = config.training["batch_size"]
    assert isinstance(batch_size, int), "the recipe says so"
    wanted = config.training["samples"]
    assert isinstance(wanted, int), "the recipe says so"
    method = build(METHODS[config.method], config.settings)
    samples = wanted or dataset.samples
    check_snapshots(study, trial)
    try:
        check_samples(wanted, dataset.samples)
        method.check(DataInfo(dataset.shape, samples, dataset.classes, method.samples(batch_size)))
    except StudyError as error:
        raise StudyError(error.problem, error.remedy, blamed(study, index, trial, error)) from None
    sizes = DataInfo(
        probed=dataset.labelled or dataset.samples,
        evaluation=dataset.samples,
        classes=dataset.classes,
        targets=len(dataset.targets),
        shape=dataset.shape,
    )
    for position, (name, settings) in enumerate(trial.probes.items()):
        with at(study.place("probes", position)):
            check_roles(name, config.method)
            PROBES[name](**settings).check(sizes)


def check_samples(wanted: int, there: int) -> None:
    if wanted > there:
        problem = f"{wanted} samples are more than the {there} of the training set"
        raise StudyError(problem, f"use training.samples of at most {there}, or 0 for all")


def check_roles(probe: str, method: str) -> None:
    """Raise StudyError where a probe asks for what trials of the method cannot do."""
    missing = [role for role in PROBES[probe].needs if not has_capability(METHODS[method], role)]
    if missing:
        able = sorted(
            name for name, kind in METHODS.items() if all(has_capability(kind, role) for role in PROBES[probe].needs)
        )
        problem = f"the probe {probe} needs a method with {PLAYED[missing[0]]}, and '{method}' has none"
        raise StudyError(problem, f"leave the probe out, or choose from {', '.join(able)}")


def blamed(study: Study, index: int, trial: Trial, error: StudyError) -> str:
    """Where the setting is written that a problem speaks of, or else its remedy, or else the method."""
    said = list(statements(study, index))
    for words in (error.problem, error.remedy):
        for one in said:
            holds = trial.levels.get(one.path) == one.value if one.varies else one.path not in WHOLE
            if holds and re.search(rf"\b{short(one.path).replace('_', '[_ ]')}\b", words):
                return one.place
    return study.place("cases", index, "method")
