"""A study launched from Python, and its results as frames, equal to what MLflow holds."""

import pandas as pd
import pytest

import ablate

from .conftest import WorkingDirectory

STUDY = """
question: Does the Python API launch a study?
method: invariant
dataset: digits
fixed: {training.epochs: 2, training.batch_size: 64, training.samples: 200, method.k: 10, probes.linear.epochs: 2}
axes: {method.epsilon: [0.4, 0.8]}
seeds: 1
probes: [linear]
metric: linear/accuracy
resources: {cpu: 2}
"""


@pytest.mark.cluster
@pytest.mark.slow
def test_a_study_launched_from_python_has_its_results_in_frames(
    served_directory: WorkingDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", served_directory.server)
    served_directory.write("from-python", STUDY)
    file, store = served_directory.folder / "studies" / "from-python.yaml", served_directory.store.root
    messages: list[object] = []
    summary = ablate.launch(file, store=store, listen=lambda progress, message: messages.append(message))
    assert isinstance(summary, ablate.Summary)
    assert (summary.total, summary.finished, summary.ran) == (2, 2, 2)
    assert messages
    assert summary.runs.startswith(f"{served_directory.server}/#/experiments/")
    again = ablate.launch(file, store=store)
    assert (again.ran, again.runs) == (0, summary.runs)  # nothing was left to run

    records = served_directory.records("from-python")
    trials = ablate.trials(file, store=store)
    assert list(trials["key"]) == list(records)
    assert list(trials["method.epsilon"]) == [0.4, 0.8]
    assert set(trials["state"]) == {"finished"}
    for row in trials.to_dict("records"):
        metrics = records[row["key"]].metrics
        assert {name: row[name] for name in metrics} == metrics

    epochs = ablate.epochs(file, store=store)
    assert list(zip(epochs["key"], epochs["epoch"], strict=True)) == [
        (key, epoch) for key in records for epoch in (1, 2)
    ]
    for name, curves in served_directory.histories("from-python").items():
        for metric, points in curves.items():
            column = epochs[epochs["name"] == name].set_index("epoch")[metric].dropna()
            pd.testing.assert_series_equal(column, pd.Series(dict(points), name=metric), check_names=False)

    (status,) = ablate.status("from-python", store=store)
    assert status.counts == {ablate.State.FINISHED: 2}
    assert ablate.report(file, store=store) is not None

    record = next(iter(records.values()))
    assert ablate.load_encoder(f"runs:/{record.run_id}", store=store).config.key == record.key
