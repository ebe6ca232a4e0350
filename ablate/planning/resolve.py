"""Study → trials: names and settings are checked against the registries, and every default is filled in."""

import math
from collections.abc import Mapping
from dataclasses import replace

from ablate.data import DATASETS
from ablate.errors import placed_at
from ablate.methods import METHODS
from ablate.options import Option, Value, build, key_names
from ablate.paths import data_folder
from ablate.planning.check_study import check_distinct_variants, check_size, check_study, options_by_path
from ablate.planning.check_trial import check_trial
from ablate.planning.design import Levels, variants
from ablate.planning.early_stopping import check_interim_probe, check_pruner
from ablate.planning.fixed_settings import fixed_settings, method_defaults, with_section
from ablate.planning.pipeline_revisions import revision
from ablate.planning.samplers import check_sampler
from ablate.probes import PROBES
from ablate.study.assignments import METHOD_AND_DATASET, space_values
from ablate.study.coercion import coerce, options_by_name
from ablate.study.model import Study
from ablate.study.search import Choices, Range, contains
from ablate.train.recipe import Recipe
from ablate.trial import TRAINING, Config, Trial

ValuesByPath = Mapping[str, Value]  # path → value


def resolve(study: Study, *, yes: bool = False) -> tuple[Trial, ...]:
    """All trials of the study's design, seed by seed, so that every variant has a score early; none of a search.

    Raises StudyError at the place of an unknown name, of a setting that does not exist, has another type or is out of
    range, of settings that cannot work on the data, of a metric that no probe computes; and of more than 10,000 trials
    unless `yes` confirms them.  Raises DataError where the user's own files cannot be read; while they are missing, the
    trials are valid but cannot be run (`required_data.require_data`).
    """
    check_size(study, yes)
    check_study(study)
    check_pruner(study)
    check_space_ends(study)
    first_seed = [
        resolve_variant(study, index, levels) for index, case in enumerate(study.cases) for levels in variants(case)
    ]
    check_distinct_variants(study, first_seed)
    return tuple(with_seed(trial, seed) for seed in study.first_seeds for trial in first_seed)


def resolve_proposal(study: Study, levels: Levels) -> tuple[Trial, ...]:
    """The trials of one proposal of a search, which has a level for each path of the space: one for each seed."""
    trial = resolve_variant(study, 0, levels)
    return tuple(with_seed(trial, seed) for seed in study.first_seeds)


def resolve_space(study: Study) -> dict[str, Range | Choices]:
    """A search's space with bounds of its settings' types: 1 becomes 1.0 where floats are."""
    if study.search is None:
        return {}
    options = options_by_path(study, 0)
    typed = {
        path: _typed_range(study, part, options[path][0], path)
        for path, part in study.search.space.items()
        if isinstance(part, Range) and path not in METHOD_AND_DATASET
    }
    return {**study.search.space, **typed}


def count_proposals(study: Study) -> int:
    """How many settings a search proposes: the number in the study, or all that its space holds; 0 without a search."""
    if study.search is None:
        return 0
    return int(min(study.search.trials, _count_settings(study, resolve_space(study), {})))


def _count_settings(study: Study, left: Mapping[str, Range | Choices], levels: Levels) -> float:
    """How many settings there are with these levels, of the paths that are left; infinite with a continuous range."""
    assert study.search is not None
    if not left:
        return 1
    path, part = next(iter(left.items()))
    rest = {other: left[other] for other in left if other != path}
    if path not in study.search.active(levels, fixed_levels(study)):
        return _count_settings(study, rest, levels)
    if isinstance(part, Choices) and any(path in other.when for other in rest.values()):
        return sum(_count_settings(study, rest, {**levels, path: choice}) for choice in part.choices)
    return count_values(part) * _count_settings(study, rest, levels)


def fixed_levels(study: Study) -> dict[str, Value]:
    """What the conditions of a search's space may name beside the space: the method, data set and fixed settings."""
    case = study.cases[0]
    return fixed_settings(study, case, {})


def first_settings(study: Study) -> tuple[Levels, ...]:
    """The settings that a search proposes first: the defaults where the space holds them, then those of `enqueue`."""
    assert study.search is not None
    parts, fixed = resolve_space(study), fixed_levels(study)
    config = resolve_config(study.cases[0].method, study.cases[0].dataset, fixed, study.first_seeds[0])
    known = {**fixed, **with_section("method", config.settings), **with_section("training", config.training)}
    for probe in study.probes:
        known |= with_section(f"probes.{probe}", filled_in(PROBES[probe], f"probes.{probe}", known))
    defaults = {path: known[path] for path in parts if path in known}
    active = study.search.active(defaults, fixed)
    held = all(path in defaults and contains(parts[path], defaults[path]) for path in active)
    options = options_by_path(study, 0)
    given = tuple(
        {
            path: value if path in METHOD_AND_DATASET else coerce(options[path][0], value, path)
            for path, value in one.items()
        }
        for one in study.search.enqueue
    )
    return ({path: defaults[path] for path in active}, *given) if held else given


def count_values(part: Range | Choices) -> float:
    """How many values one path of a resolved space has; infinite for a continuous range."""
    if isinstance(part, Choices):
        return len(part.choices)
    if isinstance(part.low, int) and isinstance(part.high, int):
        return (part.high - part.low) // int(part.step or 1) + 1
    return int((part.high - part.low) / part.step + 1e-9) + 1 if part.step else math.inf


def _typed_range(study: Study, part: Range, option: Option, path: str) -> Range:
    given = {"low": part.low, "high": part.high, **({} if part.step is None else {"step": part.step})}
    unbounded = replace(option, bounds={})
    typed = {}
    for key, value in given.items():
        with placed_at(study.place("search", "space", path, key)):
            typed[key] = coerce(unbounded, value, path)
    return part.model_copy(update=typed)


def check_space_ends(study: Study) -> None:
    """Raise StudyError where an end of a search's space cannot work on the data, checked one path at a time."""
    if study.search is None:
        return
    check_sampler(study)
    fixed = fixed_levels(study)
    values = {path: list(space_values(part).values()) for path, part in study.search.space.items()}
    start = {path: levels[0] for path, levels in values.items()}
    for path, levels in values.items():
        needed = {**start, **study.search.conditions(path)}
        for level in levels:
            resolve_variant(study, 0, study.search.restrict({**needed, path: level}, fixed))
    resolve_space(study)


def example_trials(study: Study) -> tuple[Trial, ...]:
    """Trials that a search might propose, from which its cost is estimated: at the low and at the high ends."""
    if study.search is None:
        return ()
    fixed = fixed_levels(study)
    values = {path: list(space_values(part).values()) for path, part in study.search.space.items()}
    ends = ({path: levels[place] for path, levels in values.items()} for place in (0, -1))
    return tuple(resolve_variant(study, 0, study.search.restrict(end, fixed)) for end in ends)


def with_seed(trial: Trial, seed: int) -> Trial:
    return replace(trial, config=trial.config.seeded(seed))


def resolve_variant(study: Study, index: int, levels: Levels) -> Trial:
    """A variant of a case with every setting filled in, for the study's first seed."""
    case = study.cases[index]
    given = {**fixed_settings(study, case, levels), **levels}
    config = resolve_config(str(given["method"]), str(given["dataset"]), given, study.first_seeds[0])
    pretraining = build(METHODS[config.method], config.settings).pretraining()
    if pretraining is not None:
        settings = with_section("training", config.training) | with_section("method", pretraining.settings)
        config = replace(config, first=resolve_config(pretraining.method, config.dataset, settings, config.seed))
    probes = {name: filled_in(PROBES[name], f"probes.{name}", given) for name in study.probes}
    trial = Trial(config, probes, study.name, dict(levels), study.case_label(index))
    check_trial(study, index, trial)
    check_interim_probe(study, trial)
    return trial


def resolve_config(name: str, dataset: str, given: ValuesByPath, seed: int) -> Config:
    """A config with every setting filled in: as given, else the paper's for this data set, else the default."""
    method = METHODS[name]
    defaults = method_defaults(name, dataset)
    settings = filled_in(method, "method", {**defaults, **given})
    training = filled_in(Recipe, "training", {**defaults, **given})
    of_training = {f"{TRAINING}{name}": key_name for name, key_name in key_names(Recipe, training).items()}
    return Config(
        method=name,
        revision=revision(method, settings),
        settings=settings,
        dataset=dataset,
        version=DATASETS[dataset].version,
        training=training,
        seed=seed,
        key_names={**key_names(method, settings), **of_training},
        data=DATASETS[dataset]().content(data_folder()),
    )


def filled_in(owner: type, section: str, given: ValuesByPath) -> dict[str, Value]:
    """Every setting of a method, a probe or the recipe: as given, else its default."""
    return {
        name: coerce(option, given.get(f"{section}.{name}", option.default), f"{section}.{name}")
        for name, option in options_by_name(owner).items()
    }
