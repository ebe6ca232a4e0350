"""The params of a run: levels, what a person filters by, and what differs from the defaults."""

from pathlib import Path

from ablate.planning.resolve import resolve
from ablate.study.read import read_study
from ablate.track.params import params_of
from ablate.trial import Trial

STUDY = """\
method: invariant
dataset: digits
fixed: {training.epochs: 3, training.momentum: 0.5, method.network: mlp, training.weight_decay: 0.01}
axes: {method.epsilon: [0.4, 0.8]}
seeds: [7]
probes: [linear]
metric: linear/accuracy
"""


def trial_of(folder: Path) -> Trial:
    (folder / "small.yaml").write_text(STUDY, encoding="utf-8")
    return resolve(read_study(folder / "small.yaml"))[0]


def test_params_are_levels_then_what_every_trial_has_then_what_differs_from_the_defaults(tmp_path: Path) -> None:
    found = params_of(trial_of(tmp_path))
    assert next(iter(found)) == "method.epsilon"
    always = {
        "method": "invariant",
        "dataset": "digits",
        "seed": "7",
        "training.epochs": "3",
        "training.batch_size": "256",
        "training.learning_rate": "0.0005",
        "training.optimizer": "adam",
        "method.network": "mlp",
    }
    differing = {"training.momentum": "0.5", "training.weight_decay": "0.01"}
    assert {"method.epsilon": "0.4", **always, **differing}.items() <= found.items()
    assert "training.schedule" not in found  # as the default
    assert "seed" not in params_of(trial_of(tmp_path), seeded=False)


def test_all_settings_are_params_where_the_methods_package_is_missing(tmp_path: Path) -> None:
    from dataclasses import replace

    trial = trial_of(tmp_path)
    foreign = replace(trial, config=replace(trial.config, method="of-another-package", settings={"depth": 3}))
    assert params_of(foreign)["method.depth"] == "3"
