"""Reading the user's imzML file with its optional targets and tissue mask."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ablate.data.cache import load_data
from ablate.data.dataset import Counts
from ablate.data.imzml import count_spectra
from ablate.data.msi import Msi, divide_by_largest
from ablate.errors import DataError
from ablate.testing.imzml import Spectrum, write_sample

pytest.importorskip("pyimzml", reason="the extra 'msi' is not installed")

WIDTH = 950 / 1024  # of a bin
THREE = [
    ([50.0, 50.5, 999.9], [1.0, 2.0, 4.0]),  # the first two are in the first bin
    ([49.9, 50.0 + 1.5 * WIDTH, 1000.0, 1000.1], [7.0, 5.0, 1.0, 9.0]),  # the first and the last are out of range
    ([50.1], [6.0]),
]


def test_intensities_are_summed_in_bins_and_divided_by_the_largest_of_a_bin(tmp_path: Path) -> None:
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
    assert divide_by_largest(spectra).tolist() == [[0, 0.5, 1], [0, 1, 0]]


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        ("targets", np.zeros((2, 3)), r"holds \(2, 3\) of float64, and the spectra require \(3, 3\) of float32"),
        ("targets", np.full((3, 3), 255.0), "its values are not between 0 and 1"),
        ("targets", np.full((3, 3), np.nan), "it holds NaN"),
        ("tissue", np.zeros(3, dtype=np.int64), r"holds \(3,\) of int64, and the spectra require \(3,\) of bool"),
        ("tissue", np.array([None] * 3), "Python objects"),
    ],
)
def test_optional_files_that_do_not_match_the_spectra_are_refused(
    name: str, values: np.ndarray, problem: str, tmp_path: Path
) -> None:
    write_sample(tmp_path, THREE)
    np.save(tmp_path / f"MSI/{name}.npy", values)
    with pytest.raises(DataError, match=f"{name}.npy: the file cannot be decoded: .*{problem}"):
        Msi().read(tmp_path)


def test_masses_in_any_order_are_read(tmp_path: Path) -> None:
    write_sample(tmp_path, THREE)
    expected = Msi().read(tmp_path).x
    write_sample(tmp_path, [(masses[::-1], intensities[::-1]) for masses, intensities in THREE])
    assert torch.equal(Msi().read(tmp_path).x, expected)


def test_negative_intensities_are_read_and_divided_by_the_largest_magnitude(tmp_path: Path) -> None:
    write_sample(tmp_path, [([50.1, 51.0], [-4.0, -1.0]), ([50.1, 51.0], [2.0, -2.0])])
    assert Msi().read(tmp_path).x[:, :2].tolist() == [[-1, -0.5], [0.5, -1]]


@pytest.mark.parametrize(
    ("spectrum", "problem"),
    [
        (([60.0, 61.0], [1.0, np.nan]), "spectrum 1 has the intensity nan at position 1"),
        (([60.0], [np.inf]), "spectrum 1 has the intensity inf at position 0"),
        (([np.nan], [1.0]), "spectrum 1 has the mass nan at position 0"),
    ],
)
def test_a_number_that_is_not_finite_is_refused_with_its_position(
    spectrum: Spectrum, problem: str, tmp_path: Path
) -> None:
    path = write_sample(tmp_path, [THREE[0], spectrum])
    with pytest.raises(DataError, match=f"cannot be decoded: {problem}; remove such values") as error:
        Msi().read(tmp_path)
    assert error.value.place == str(path)


def test_masses_outside_the_range_are_refused_with_the_range_that_they_have(tmp_path: Path) -> None:
    path = write_sample(tmp_path, [([1200.0, 1500.0], [1.0, 2.0]), ([1100.5], [1.0])])
    with pytest.raises(DataError) as error:
        Msi().read(tmp_path)
    assert str(error.value) == (
        f"{path}: no mass is from 50 to 1000 m/z; the masses are from 1100.5 to 1500; use spectra of this range, in m/z"
    )


def test_spectra_without_any_intensity_are_refused(tmp_path: Path) -> None:
    write_sample(tmp_path, [([60.0], [0.0])] * 3)
    with pytest.raises(DataError, match=r"sample.imzML: every bin of every spectrum that is used is 0"):
        Msi().read(tmp_path)


def test_a_tissue_mask_that_selects_nothing_is_refused(tmp_path: Path) -> None:
    write_sample(tmp_path, THREE)
    np.save(tmp_path / "MSI/tissue.npy", np.zeros(3, dtype=np.bool_))
    with pytest.raises(DataError) as error:
        Msi().read(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / 'MSI/tissue.npy'}: it is false for every spectrum; "
        "set it to true for the spectra to use, or remove the file"
    )


@pytest.mark.parametrize("name", ["targets", "tissue"])
def test_an_archive_named_as_an_array_is_refused_with_the_function_to_use(name: str, tmp_path: Path) -> None:
    write_sample(tmp_path, THREE)
    np.savez(tmp_path / "archive.npz", np.zeros((3, 3)))
    (tmp_path / "archive.npz").rename(tmp_path / f"MSI/{name}.npy")
    with pytest.raises(DataError, match=r"it is an archive .* and not one array .*; write it with numpy.save"):
        Msi().read(tmp_path)


def test_a_header_that_states_billions_of_rows_is_refused(tmp_path: Path) -> None:
    write_sample(tmp_path, THREE)
    np.save(tmp_path / "MSI/targets.npy", np.zeros((3, 3)))
    content = (tmp_path / "MSI/targets.npy").read_bytes()
    (tmp_path / "MSI/targets.npy").write_bytes(content.replace(b"(3, 3), }         ", b"(9999999999, 3), }"))
    assert b"9999999999" in (tmp_path / "MSI/targets.npy").read_bytes()
    with pytest.raises(DataError, match=r"targets.npy: the file cannot be decoded: .*greater than file size"):
        Msi().read(tmp_path)


@pytest.mark.parametrize("number", ["99999999999", "-3"])
def test_an_array_beyond_the_end_of_the_ibd_file_is_refused(number: str, tmp_path: Path) -> None:
    path = write_sample(tmp_path, THREE)
    length = 'name="external array length" value="3"'
    assert path.read_text().count(length) == 2  # the masses and the intensities of the first spectrum
    path.write_text(path.read_text().replace(length, length.replace('"3"', f'"{number}"')))
    with pytest.raises(DataError, match=rf"cannot be decoded: spectrum 0 has {number} values from byte 16, and the"):
        Msi().read(tmp_path)


def test_a_truncated_ibd_file_is_refused(tmp_path: Path) -> None:
    path = write_sample(tmp_path, THREE).with_suffix(".ibd")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match=r"sample.ibd: .*it is damaged: its sha1 is .*, and the .imzML file states"):
        Msi().read(tmp_path)


def test_an_ibd_file_with_one_other_bit_is_refused(tmp_path: Path) -> None:
    path = write_sample(tmp_path, THREE).with_suffix(".ibd")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"sample.ibd: .*it is damaged: its sha1 is"):
        Msi().read(tmp_path)


def test_the_ibd_file_of_another_sample_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    path = write_sample(tmp_path, THREE)
    shutil.copyfile(write_sample(tmp_path / "other", THREE).with_suffix(".ibd"), path.with_suffix(".ibd"))
    with pytest.raises(DataError, match=r"sample.ibd: .*it belongs to another .imzML file, which states"):
        Msi().read(tmp_path)


def test_compressed_arrays_are_refused_by_what_the_file_states(tmp_path: Path) -> None:
    path = write_sample(tmp_path, THREE)
    stated = 'accession="MS:1000576" name="no compression"'
    assert stated in path.read_text()
    path.write_text(path.read_text().replace(stated, 'accession="MS:1000574" name="zlib compression"'))
    with pytest.raises(DataError, match="its arrays are compressed; export it without compression"):
        Msi().read(tmp_path)


def test_names_in_another_case_are_read(tmp_path: Path) -> None:
    write_sample(tmp_path, THREE)
    np.save(tmp_path / "MSI/Tissue.NPY", [True, True, False])
    (tmp_path / "MSI/Tissue.NPY.npy").rename(tmp_path / "MSI/Tissue.NPY")
    expected = Msi().read(tmp_path).x
    assert len(expected) == 2
    (tmp_path / "MSI/sample.imzML").rename(tmp_path / "MSI/Sample.imzml")
    (tmp_path / "MSI/sample.ibd").rename(tmp_path / "MSI/SAMPLE.IBD")
    (tmp_path / "MSI").rename(tmp_path / "msi")
    assert torch.equal(Msi().read(tmp_path).x, expected)


def test_names_that_differ_only_in_their_case_are_refused(tmp_path: Path) -> None:
    path = write_sample(tmp_path, THREE)
    shutil.copyfile(path, path.with_name("Sample.imzML"))
    assert len(Msi().read(tmp_path).x) == 3  # the exact name is there
    path.rename(path.with_name("SAMPLE.imzML"))
    with pytest.raises(DataError, match=r"SAMPLE.imzML and Sample.imzML differ only in their case; name one of them"):
        Msi().read(tmp_path)


def test_spectra_are_counted_without_being_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_sample(tmp_path, THREE * 7)
    assert count_spectra(path) == 21
    for chunk in (1, 7, 100):  # bytes; tags are cut at every place
        monkeypatch.setattr("ablate.data.imzml.CHUNK", chunk)
        assert count_spectra(path) == 21


def test_counts_are_those_of_the_users_files(tmp_path: Path) -> None:
    write_sample(tmp_path, THREE)
    assert Msi().counts(tmp_path) == Counts(3, 3, 3, 0)
    np.save(tmp_path / "MSI/tissue.npy", [True, False, True])
    np.save(tmp_path / "MSI/targets.npy", np.zeros((3, 3)))
    assert Msi().counts(tmp_path) == Counts(2, 2, 2, 3)


@pytest.mark.parametrize("content", ["", "<html>", "<mzML xmlns='http://psi.hupo.org/ms/mzml'></mzML>"])
def test_content_that_is_no_imzml_is_refused(content: str, tmp_path: Path) -> None:
    write_sample(tmp_path, THREE).write_text(content)
    for use in (Msi().read, Msi().counts):
        with pytest.raises(DataError, match=r"sample.imzML: the file cannot be decoded: it is not an imzML file"):
            use(tmp_path)


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
