"""Keys and names of trials: the key is a hash of everything that decides a trial's result, and of nothing else."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.options import Value
from ablate.trial import Config, Trial, brief

CONFIG = Config(
    method="invariant",
    revision="1",
    settings={"k": 100, "epsilon": 2.0},
    dataset="digits",
    version="1",
    training={"epochs": 10},
    seed=0,
)
TRIAL = Trial(CONFIG, {"linear": {"epochs": 100}}, "radius", {"method.epsilon": 2})

CHANGED: dict[str, Any] = {
    "method": "simclr",
    "revision": "2",
    "settings": {"k": 100, "epsilon": 2.5},
    "dataset": "mnist",
    "version": "2",
    "training": {"epochs": 11},
    "seed": 1,
    "first": CONFIG,
    "key_names": {"k": "count"},
    "data": "0123456789abcdef",
}


@pytest.mark.parametrize("field", [field.name for field in fields(Config)])
def test_every_field_of_a_config_changes_the_key(field: str) -> None:
    assert replace(CONFIG, **{field: CHANGED[field]}).key != CONFIG.key


def test_renaming_a_setting_leaves_the_key() -> None:
    renamed = replace(CONFIG, settings={"k": 100, "radius": 2.0}, key_names={"radius": "epsilon"})
    assert renamed.key == CONFIG.key
    assert renamed.variant_key == CONFIG.variant_key
    assert Config.from_json(renamed.to_json()) == renamed


def test_a_setting_that_was_added_later_leaves_the_key_where_it_changes_nothing() -> None:
    added = replace(
        CONFIG,
        settings={**CONFIG.settings, "epochs": 3},
        training={**CONFIG.training, "kept": "last"},
        key_names={"epochs": "", "training.kept": ""},
    )
    assert added.key == CONFIG.key
    assert added.variant_key == CONFIG.variant_key
    assert Config.from_json(added.to_json()) == added
    assert replace(added, key_names={"epochs": ""}).key != CONFIG.key  # kept otherwise than by default


def test_a_trial_written_by_version_0_1_is_read() -> None:
    written = {name: value for name, value in TRIAL.to_json().items() if name != "config"}
    assert Trial.from_json({**written, "trial": CONFIG.to_json()}) == TRIAL


@pytest.mark.parametrize(
    "settings",
    [{"k": 101, "epsilon": 2.0}, {"k": 100}, {"k": 100, "epsilon": 2.0, "xi": 1.0}, {"k": 100, "epsilon": "2.0"}],
    ids=["another value", "a setting less", "a setting more", "another type"],
)
def test_settings_with_other_names_values_or_types_change_the_key(settings: dict[str, Value]) -> None:
    assert replace(CONFIG, settings=settings).key != CONFIG.key


@pytest.mark.parametrize(
    "trial",
    [
        replace(TRIAL, study="another"),
        replace(TRIAL, levels={"method.k": 100}),
        replace(TRIAL, case="digits"),
        replace(TRIAL, probes={"linear": {"epochs": 5}, "knn": {}}),
        replace(TRIAL, config=replace(CONFIG, settings={"epsilon": 2.0, "k": 100})),
    ],
    ids=["the study", "what varies", "the case", "the probes", "the order of settings"],
)
def test_study_levels_case_and_probes_leave_the_key(trial: Trial) -> None:
    assert trial.key == TRIAL.key


def test_the_key_of_a_config_is_the_same_in_every_version() -> None:
    """Finished trials are found by their keys: if keys change, every study runs again."""
    assert CONFIG.key == "af400458649712dd"


def test_the_variant_key_ignores_the_seed_only() -> None:
    assert replace(TRIAL, config=replace(CONFIG, seed=7)).variant == TRIAL.variant
    assert replace(TRIAL, config=replace(CONFIG, dataset="mnist")).variant != TRIAL.variant


def test_seeds_of_a_variant_with_pretraining_share_the_variant_key() -> None:
    pretrained = replace(TRIAL, config=replace(CONFIG, method="vte", first=CONFIG))
    other = replace(pretrained, config=pretrained.config.seeded(7))
    assert other.config.first == CONFIG.seeded(7)
    assert other.variant == pretrained.variant
    assert Trial.from_json(json.loads(json.dumps(other.to_json()))) == other


def test_a_trials_name_holds_its_case_levels_and_seed() -> None:
    assert TRIAL.name == "epsilon=2 · seed 0"
    assert replace(TRIAL, levels={"method.epsilon": 2, "training.epochs": 5}).variant_name == "epsilon=2, epochs=5"
    assert replace(TRIAL, case="fsdd").name == "fsdd, epsilon=2 · seed 0"
    assert replace(TRIAL, levels={}).variant_name == "invariant on digits"


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
SETTINGS = st.dictionaries(st.text(min_size=1), VALUES)
CONFIGS = st.builds(Config, st.text(), st.text(), SETTINGS, st.text(), st.text(), SETTINGS, st.integers(0))
TRIALS = st.builds(Trial, CONFIGS, st.dictionaries(st.text(), SETTINGS), st.text(), SETTINGS, st.text())


@given(trial=TRIALS)
def test_a_trial_read_from_its_json_is_equal(trial: Trial) -> None:
    again = Trial.from_json(json.loads(json.dumps(trial.to_json())))
    assert again == trial
    assert (again.key, again.variant) == (trial.key, trial.variant)


@given(one=CONFIGS, other=CONFIGS)
def test_configs_with_the_same_key_are_equal(one: Config, other: Config) -> None:
    if one.key == other.key:
        assert one == other


def test_names_round_long_floats_to_four_digits() -> None:
    assert brief(0.12345678901234567) == "0.1235"
    assert [brief(level) for level in (2, 0.5, 1e-05, "vat", True)] == ["2", "0.5", "1e-05", "vat", "True"]
