"""Reading the user's imzML file with its optional targets and tissue mask."""

import shutil
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from ablate.data.cache import load_data
from ablate.data.msi import Msi, divide_by_maximum
from ablate.errors import DataError

pytest.importorskip("pyimzml", reason="the extra 'msi' is not installed")

Spectrum = tuple[Sequence[float], Sequence[float]]


def write_sample(folder: Path, spectra: Sequence[Spectrum]) -> Path:
    """An imzML file in which each spectrum has its own masses, written by pyimzML."""
    imzml_writer = import_module("pyimzml.ImzMLWriter").ImzMLWriter
    (folder / "MSI").mkdir(exist_ok=True)
    with imzml_writer(str(folder / "MSI/sample.imzML"), mode="processed") as writer:
        for index, (masses, intensities) in enumerate(spectra):
            writer.addSpectrum(np.array(masses), np.array(intensities), (index + 1, 1, 1))
    return folder / "MSI/sample.imzML"


WIDTH = 950 / 1024  # of a bin
THREE = [
    ([50.0, 50.5, 999.9], [1.0, 2.0, 4.0]),  # the first two are in the first bin
    ([49.9, 50.0 + 1.5 * WIDTH, 1000.0, 1000.1], [7.0, 5.0, 1.0, 9.0]),  # the first and the last are out of range
    ([50.1], [6.0]),
]


def test_intensities_are_summed_in_bins_and_divided_by_the_maximum_of_a_bin(tmp_path: Path) -> None:
    write_sample(tmp_path, THREE)
    data = Msi().read(tmp_path)
    expected = torch.zeros(3, 1024)
    expected[0, 0], expected[2, 0] = 3 / 6, 1
    expected[1, 1] = 1
    expected[0, 1023], expected[1, 1023] = 1, 1 / 4
    torch.testing.assert_close(data.x, expected)


def test_there_are_no_labels_and_no_spectrum_is_held_out(tmp_path: Path) -> None:
    write_sample(tmp_path, THREE)
    data = Msi().read(tmp_path)
    assert data.y.tolist() == [-1, -1, -1]
    for points in (data.seen, data.probed, data.evaluation):
        assert points.all()
    assert not data.test.any()
    assert data.targets is None


def test_spectra_outside_the_tissue_are_dropped_with_their_targets(tmp_path: Path) -> None:
    write_sample(tmp_path, THREE)
    np.save(tmp_path / "MSI/tissue.npy", [True, True, False])
    np.save(tmp_path / "MSI/targets.npy", [[0.0, 0.5, 1.0], [0.25, 0.0, 0.0], [1.0, 1.0, 1.0]])
    data = Msi().read(tmp_path)
    assert data.x[:, 0].tolist() == [1, 0]  # divided by the maximum of the spectra that are used
    assert data.targets is not None
    assert data.targets.dtype == torch.float32
    assert data.targets.tolist() == [[0, 0.5, 1], [0.25, 0, 0]]
    assert data.targets.shape[1] == len(Msi.targets)


def test_a_bin_without_intensity_remains_zero() -> None:
    spectra = np.array([[0, 2, 1], [0, 4, 0]], dtype=np.float32)
    assert divide_by_maximum(spectra).tolist() == [[0, 0.5, 1], [0, 1, 0]]


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        ("targets", np.zeros((2, 3)), r"holds \(2, 3\) of float64, and the spectra require \(3, 3\) of float32"),
        ("targets", np.full((3, 3), 255.0), "its values are not between 0 and 1"),
        ("targets", np.full((3, 3), np.nan), "its values are not between 0 and 1"),
        ("tissue", np.zeros(3, dtype=np.int64), r"holds \(3,\) of int64, and the spectra require \(3,\) of bool"),
        ("tissue", np.array([None] * 3), "allow_pickle"),
    ],
)
def test_optional_files_that_do_not_match_the_spectra_are_refused(
    name: str, values: np.ndarray, problem: str, tmp_path: Path
) -> None:
    write_sample(tmp_path, THREE)
    np.save(tmp_path / f"MSI/{name}.npy", values)
    with pytest.raises(DataError, match=f"{name}.npy: the file cannot be decoded: .*{problem}"):
        Msi().read(tmp_path)


@pytest.mark.parametrize("spectrum", [([60.0, 55.0], [1.0, 1.0]), ([60.0], [-1.0]), ([60.0], [np.nan])])
def test_unsorted_masses_and_invalid_intensities_are_refused(spectrum: Spectrum, tmp_path: Path) -> None:
    path = write_sample(tmp_path, [THREE[0], spectrum])
    with pytest.raises(DataError, match="cannot be decoded: spectrum 1 holds no masses") as error:
        Msi().read(tmp_path)
    assert error.value.place == str(path)


def test_a_truncated_ibd_file_is_refused(tmp_path: Path) -> None:
    path = write_sample(tmp_path, THREE).with_suffix(".ibd")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match="cannot be decoded: "):
        Msi().read(tmp_path)


@pytest.mark.parametrize("content", ["", "<html>", "<mzML xmlns='http://psi.hupo.org/ms/mzml'></mzML>"])
def test_content_that_is_no_imzml_is_refused(content: str, tmp_path: Path) -> None:
    write_sample(tmp_path, THREE).write_text(content)
    with pytest.raises(DataError, match=r"sample.imzML: the file cannot be decoded: it is not an imzML file"):
        Msi().read(tmp_path)


def test_an_error_names_the_path_of_the_missing_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path))
    with pytest.raises(DataError) as error:
        load_data("msi", tmp_path / "tensors")
    assert str(error.value) == (
        f"{tmp_path / 'MSI/sample.imzML'}: the file is missing and cannot be fetched (no address is known); "
        "put it there, or set ABLATE_DATA to the folder that holds it"
    )
    assert error.value.exit_code == 3


def test_an_error_names_the_extra_to_install_where_pyimzml_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_sample(tmp_path, THREE)
    monkeypatch.setitem(sys.modules, "pyimzml.ImzMLParser", None)  # makes its import fail
    with pytest.raises(DataError) as error:
        Msi().read(tmp_path)
    assert str(error.value) == f"{path}: no reader of imzML is installed; run: pip install 'ablate[msi]'"


def test_changed_files_of_the_user_are_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path))
    write_sample(tmp_path, THREE)
    assert load_data("msi", tmp_path / "tensors").targets is None
    np.save(tmp_path / "MSI/targets.npy", np.full((3, 3), 0.5))
    assert load_data("msi", tmp_path / "tensors").targets is not None
    write_sample(tmp_path, THREE[:2])
    (tmp_path / "MSI/targets.npy").unlink()
    assert len(load_data("msi", tmp_path / "tensors").x) == 2


@pytest.mark.parametrize("kind", ["Continuous", "Processed"])
def test_the_example_files_of_the_format_are_read(kind: str, real_data: Path, tmp_path: Path) -> None:
    (tmp_path / "MSI").mkdir()
    for suffix in ("imzML", "ibd"):
        path = real_data / f"MSI/Example_{kind}.{suffix}"
        if not path.exists():
            pytest.skip(f"there is no {path}")
        shutil.copyfile(path, tmp_path / f"MSI/sample.{suffix}")
    data = Msi().read(tmp_path)
    assert data.x.shape == (9, 1024)
    # masses range from 100.08, with no intensity, to 799.92: bins 54 (100.10 to 101.03) to 808 (799.61 to 800.54)
    filled = torch.zeros(1024)
    filled[54:809] = 1
    assert torch.equal(data.x.amax(dim=0), filled)
