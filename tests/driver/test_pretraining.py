"""A pretraining trial is planned, run and shared between studies as other trials are, and left out of the report."""

import pytest

from .conftest import WorkingDirectory

STUDY = """
question: Do two phases beat one?
method: vte-barber-agakov
dataset: digits
fixed: {training.epochs: 1, training.batch_size: 256, method.width: 8, method.latent_dim: 8, method.hidden: 16}
axes: {method.two_phase: [true, false]}
seeds: [0]
probes: [knn]
metric: knn/accuracy
resources: {cpu: 2}
"""
NAMES = {"pretraining · seed 0", "two_phase=True · seed 0", "two_phase=False · seed 0"}


@pytest.mark.slow
@pytest.mark.cluster
def test_a_pretraining_trial_is_trained_once_for_all_trials_that_start_from_it(
    served_directory: WorkingDirectory,
) -> None:
    served_directory.write("pretrained", STUDY)
    done = served_directory.run("launch", "pretrained")
    assert done.process.returncode == 0, done.text
    records = {record.trial.name: record for record in served_directory.records("pretrained").values() if record.trial}
    assert set(records) == NAMES
    assert {record.state.name for record in records.values()} == {"FINISHED"}
    assert not served_directory.store.study("pretrained").pretrained_folder.exists()
    report = (served_directory.store.study("pretrained").report / "report.md").read_text()
    assert "pretraining" not in report
    served_directory.write(
        "others",
        STUDY.replace("[true, false]}", "[true], method.head: [deep, shallow]}").replace("[knn]", "[knn, nlad]"),
    )
    again = served_directory.run("launch", "others")
    assert again.process.returncode == 0, again.text
    pretraining = next(
        record
        for record in served_directory.records("others").values()
        if record.trial and record.trial.case == "pretraining"
    )
    assert pretraining.key == records["pretraining · seed 0"].key
    assert "trained by 'pretrained'" in served_directory.run("logs", pretraining.key, "--study", "others").text
    first, second = served_directory.histories("pretrained"), served_directory.histories("others")
    taken = {name: curves for name, curves in second.items() if "shallow" in name}
    (curves,) = taken.values()
    shared = {name: curve for name, curve in curves.items() if not name.startswith("nlad/")}
    assert shared == first["two_phase=True · seed 0"]
    assert "nlad/nlad" in curves
    assert "trained by 'pretrained'" in served_directory.run("logs", *taken, "--study", "others").text
    assert set(served_directory.statuses("others")) == {"FINISHED"}
