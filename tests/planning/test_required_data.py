"""The data in the keys of trials: digests of the user's own files, and none for published data sets."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ablate.data import DATASETS
from ablate.data.cache import load_data
from ablate.errors import DataError, StudyError
from ablate.events import State
from ablate.planning.packs import pack_key
from ablate.planning.required_data import on_recorded_data, require_data, required_data
from ablate.planning.resolve import resolve
from ablate.record import TrialRecord
from ablate.study.model import Study
from ablate.testing.imzml import write_sample
from ablate.trial import ABSENT, Trial

pytest.importorskip("pyimzml", reason="the extra 'msi' is not installed")

NINE = [([60.0 + index, 70.0], [1.0, 2.0]) for index in range(9)]
MakeStudy = Callable[..., Study]


@pytest.fixture
def study(make_study: MakeStudy) -> Study:
    """PCA of the user's spectra."""
    return make_study(
        {"method": "pca", "dataset": "msi", "fixed": {"method.latent_dim": 2}},
        seeds=[0],
        probes=("size",),
        metric="size/million_parameters",
    )


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder, with nine spectra."""
    write_sample(tmp_path / "here", NINE)
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path / "here"))
    return tmp_path / "here"


def with_batch(make_study: MakeStudy, size: int, **fields: object) -> Study:
    case = {"method": "invariant", "dataset": "msi", "fixed": {"training.batch_size": size, "method.k": 2}}
    return make_study(case, seeds=[0], probes=("regression",), metric="regression/r2", **fields)


def only(study: Study) -> Trial:
    (trial,) = resolve(study)
    return trial


def test_other_content_of_a_users_file_gives_another_key(study: Study, files: Path) -> None:
    before = only(study)
    write_sample(files, NINE[::-1])
    after = only(study)
    assert after.key != before.key
    assert after.variant != before.variant
    assert pack_key(after) != pack_key(before)


@pytest.mark.parametrize("name", ["targets", "tissue"])
def test_an_optional_file_that_is_added_gives_another_key(name: str, study: Study, files: Path) -> None:
    before = only(study).key
    np.save(files / f"MSI/{name}.npy", np.ones((9, 3)) if name == "targets" else np.ones(9, dtype=np.bool_))
    assert only(study).key != before


def test_the_same_files_elsewhere_give_the_same_key(
    study: Study, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = only(study).key
    shutil.copytree(files / "MSI", tmp_path / "elsewhere" / "MSI", copy_function=shutil.copy)
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path / "elsewhere"))
    assert only(study).key == before
    (tmp_path / "elsewhere/MSI/sample.imzML").touch()
    assert only(study).key == before


@pytest.mark.parametrize("name", [name for name in DATASETS if name != "msi"])
def test_published_data_add_nothing_to_a_key(
    name: str, tmp_path: Path, make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path))
    study = make_study(
        {"method": "pca", "dataset": name}, seeds=[0], probes=("size",), metric="size/million_parameters"
    )
    assert only(study).config.data == ""


def test_digits_that_scikit_learn_has_changed_give_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ablate.data.digits.PUBLISHED", "0" * 64)
    assert DATASETS["digits"]().content(Path()) == "6ebb3d2fee246a4e"


def test_a_study_is_valid_while_the_users_files_are_missing_but_cannot_be_planned(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path))
    trials = resolve(study)
    assert [trial.config.data for trial in trials] == [ABSENT]
    with pytest.raises(DataError) as error:
        require_data(study, trials)
    assert str(error.value) == (
        f"{tmp_path / 'MSI/sample.imzML'}, {tmp_path / 'MSI/sample.ibd'}: the data set 'msi' needs files of your own, "
        "which are missing; put them there, or set ABLATE_DATA to the folder that holds them"
    )


def test_results_are_found_where_the_users_files_are_missing(
    study: Study, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def record(trial: Trial, started: float) -> TrialRecord:
        about = ("run", trial.key, trial.variant, 0, State.FINISHED, {}, {}, {}, {})
        return TrialRecord(*about, trial=trial, reason="", started=started, ended=None, parent="")

    latest = only(study)
    write_sample(files, NINE[::-1])
    records = {trial.key: record(trial, started) for trial, started in ((latest, 2.0), (only(study), 1.0))}
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path / "nowhere"))
    (found,) = on_recorded_data(resolve(study), records)
    assert found == latest


def test_pretraining_is_on_the_same_data(make_study: MakeStudy, files: Path) -> None:
    config = only(
        make_study(
            {"method": "pca", "dataset": "msi", "fixed": {"method.latent_dim": 2}},
            seeds=[0],
            probes=("size",),
            metric="size/million_parameters",
        )
    )
    both = config.config.on_data("one")
    assert both.data == "one"
    assert both.on_data(config.config.data) == config.config


def test_a_batch_is_compared_with_the_number_of_the_users_spectra(
    make_study: MakeStudy, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(files / "MSI/targets.npy", np.zeros((9, 3)))
    assert resolve(with_batch(make_study, 9))
    with pytest.raises(StudyError, match="batch size 256 is larger than the 9 samples of the training set"):
        resolve(with_batch(make_study, 256))
    np.save(files / "MSI/tissue.npy", np.arange(9) < 5)
    with pytest.raises(StudyError, match="batch size 9 is larger than the 5 samples of the training set"):
        resolve(with_batch(make_study, 9))
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path / "nowhere"))
    assert resolve(with_batch(make_study, 256))  # while there are no files, the paper's 13320 spectra are assumed


def test_a_probe_of_targets_is_refused_where_the_user_has_none(make_study: MakeStudy, files: Path) -> None:
    with pytest.raises(StudyError, match="target"):
        resolve(with_batch(make_study, 5))


def test_a_damaged_file_of_the_user_is_refused_when_a_study_is_checked(make_study: MakeStudy, files: Path) -> None:
    (files / "MSI/tissue.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match=r"tissue.npy: the file cannot be decoded"):
        resolve(with_batch(make_study, 5))


def test_trials_do_not_use_files_that_changed_after_they_were_planned(
    study: Study, files: Path, tmp_path: Path
) -> None:
    planned = required_data(study, resolve(study))["msi"]
    write_sample(files, NINE[::-1])
    with pytest.raises(DataError) as error:
        load_data("msi", tmp_path / "tensors", planned)
    assert str(error.value) == (
        f"{files}: the files changed after the trials were planned "
        "(MSI/sample.imzML, MSI/sample.ibd, MSI/targets.npy, MSI/tissue.npy); "
        "launch again: trials on the new files have keys of their own"
    )


def test_trials_use_the_cached_tensors_of_the_files_that_they_were_planned_with(
    study: Study, files: Path, tmp_path: Path
) -> None:
    planned = required_data(study, resolve(study))["msi"]
    before = load_data("msi", tmp_path / "tensors", planned).x.clone()
    write_sample(files, NINE[::-1])
    assert load_data("msi", tmp_path / "tensors", planned).x.equal(before)
    assert not load_data("msi", tmp_path / "tensors").x.equal(before)
