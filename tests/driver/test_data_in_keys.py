"""Launches of a study on the user's own files: other content makes other trials, and results never mix."""

from pathlib import Path

import pytest

from ablate.driver.launch import launch
from ablate.driver.summary import Summary
from ablate.errors import DataError
from ablate.events import State
from ablate.paths import Store
from ablate.study.read import read_study
from ablate.testing.backends import in_process_backends
from ablate.testing.imzml import write_sample
from ablate.testing.memory import MemoryStore

pytest.importorskip("pyimzml", reason="the extra 'msi' is not installed")
pytestmark = pytest.mark.slow

STUDY = """
question: How many components?
method: pca
dataset: msi
axes: {method.latent_dim: [1, 2]}
seeds: 1
probes: [size]
metric: size/million_parameters
"""
SPECTRA = [([60.0 + 10 * index, 900.0 - index], [1.0 + index, 2.0]) for index in range(9)]


def test_a_launch_on_changed_files_trains_again_and_reports_only_the_new_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path / "data"))
    file = tmp_path / "components.yaml"
    file.write_text(STUDY)
    tracking = MemoryStore()

    def run(*overrides: str) -> Summary:
        study = read_study(file, overrides=overrides)
        return launch(study, Store(tmp_path / "store"), backends=in_process_backends(tracking))

    write_sample(tmp_path / "data", SPECTRA)
    first = run()
    assert (first.finished, first.ran, run().ran) == (2, 2, 0)
    write_sample(tmp_path / "data", SPECTRA[::-1])
    changed = run("axes.method.latent_dim=[1,2,3]")
    assert (changed.total, changed.finished, changed.ran) == (3, 3, 3)
    records = tracking.snapshot("components").records.values()
    contents = [record.trial.config.data for record in records if record.trial and record.state is State.FINISHED]
    assert sorted(contents.count(content) for content in set(contents)) == [2, 3]


def test_a_launch_without_the_users_files_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path / "data"))
    (tmp_path / "components.yaml").write_text(STUDY)
    study = read_study(tmp_path / "components.yaml")
    with pytest.raises(DataError, match=r"MSI/sample.imzML, .*sample.ibd: the data set 'msi' needs files of your own"):
        launch(study, Store(tmp_path / "store"), backends=in_process_backends(MemoryStore()))


def test_a_launch_refuses_altered_published_files_although_their_tensors_are_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path / "data"))
    path = tmp_path / "data/MNIST/raw/t10k-labels-idx1-ubyte.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"altered")
    (tmp_path / "components.yaml").write_text(STUDY.replace("msi", "mnist"))
    study = read_study(tmp_path / "components.yaml")
    monkeypatch.setattr("ablate.run.load_data", lambda *arguments: None)  # as where they are cached
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz: the file is damaged: found md5:"):
        launch(study, Store(tmp_path / "store"), backends=in_process_backends(MemoryStore()))
