"""A trial that others start from is planned, run and shared like any other, and compared with none."""

import pytest

from .conftest import Field

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
NAMES = {"first phase · seed 0", "two_phase=True · seed 0", "two_phase=False · seed 0"}


@pytest.mark.slow
@pytest.mark.cluster
def test_a_first_phase_is_trained_once_for_all_that_start_from_it(served_field: Field) -> None:
    served_field.write("phases", STUDY)
    done = served_field.run("launch", "phases")
    assert done.process.returncode == 0, done.text
    known = {record.trial.name: record for record in served_field.known("phases").values() if record.trial}
    assert set(known) == NAMES
    assert {record.status for record in known.values()} == {"FINISHED"}
    assert not served_field.store.study("phases").firsts.exists()
    report = (served_field.store.study("phases").report / "report.md").read_text()
    assert "first phase" not in report
    served_field.write(
        "others",
        STUDY.replace("[true, false]}", "[true], method.head: [deep, shallow]}").replace("[knn]", "[knn, nlad]"),
    )
    again = served_field.run("launch", "others")
    assert again.process.returncode == 0, again.text
    first = next(
        record
        for record in served_field.known("others").values()
        if record.trial and record.trial.case == "first phase"
    )
    assert first.key == known["first phase · seed 0"].key
    assert "trained by 'phases'" in served_field.run("logs", first.key, "--study", "others").text
    ours, theirs = served_field.histories("phases"), served_field.histories("others")
    taken = {name: curves for name, curves in theirs.items() if "shallow" in name}
    (curves,) = taken.values()
    shared = {name: curve for name, curve in curves.items() if not name.startswith("nlad/")}
    assert shared == ours["two_phase=True · seed 0"]
    assert "nlad/nlad" in curves
    assert "trained by 'phases'" in served_field.run("logs", *taken, "--study", "others").text
    assert set(served_field.statuses("others")) == {"FINISHED"}
