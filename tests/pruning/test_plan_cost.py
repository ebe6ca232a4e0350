"""What a plan shows of a pruner: its metric, and how often its probe scores trials."""

from pathlib import Path

from ablate.planning.plan import make_plan
from ablate.planning.resolve import resolve
from ablate.study.read import read_study
from ablate.view.answers import plan_pruner

STUDY = """
method: invariant
dataset: digits
fixed: {training.epochs: 30}
axes: {method.epsilon: [1, 2]}
seeds: 2
probes: [linear]
metric: linear/accuracy
pruner: {kind: asha, probe_every: 10, probe_options: {epochs: 2}}
"""


def test_a_plan_shows_how_many_scores_a_pruner_needs(tmp_path: Path) -> None:
    (tmp_path / "pruned.yaml").write_text(STUDY)
    study = read_study(tmp_path / "pruned.yaml")
    assert list(plan_pruner(make_plan(study, resolve(study), {}, ()))) == [
        "variants may be stopped early by asha, on linear/accuracy",
        "that takes up to 8 scores by linear more, every 10 epochs",  # of four trials, after epochs 10 and 20
    ]
    study = read_study(tmp_path / "pruned.yaml", overrides=("pruner={kind: asha, metric: train/loss}",))
    assert len(list(plan_pruner(make_plan(study, resolve(study), {}, ())))) == 1
