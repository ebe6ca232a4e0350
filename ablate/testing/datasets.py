"""The contract of a data set, as tests to inherit: what it declares is what `read` returns, and training can use it.

In a test module of a package with data sets of its own:

    class TestMine(DatasetContract):
        dataset = Mine
        folder = Path("/data")  # with its original files; left out, the folder ABLATE_DATA

`pytest.register_assert_rewrite("ablate.testing.datasets")` in a conftest.py makes failures show the compared values.
"""

from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import ClassVar

import pytest
import torch

from ablate.data.checksum import KINDS
from ablate.data.dataset import Data, Dataset
from ablate.paths import data_folder

LARGEST = 100.0  # magnitude of an input; a tf-idf vector of 2000 words has entries up to √2000 = 45


def skip_without_files(dataset: type[Dataset], folder: Path) -> None:
    """Skip the test where an original file of the data set is missing below `folder`."""
    for file in dataset.files:
        if not file.find(folder).exists():
            pytest.skip(f"there is no {file.path} in {folder}")


@lru_cache(maxsize=1)
def read_once(dataset: type[Dataset], folder: Path) -> Data:
    """The decoded data set; consecutive tests of one data set share it."""
    return dataset().read(folder)


class DatasetContract:
    """Tests of one data set; a subclass names it, or overrides the fixtures.  Skipped where its files are missing."""

    dataset: ClassVar[type[Dataset]]
    folder: ClassVar[Path | None] = None  # with the original files; None: the folder ABLATE_DATA

    @pytest.fixture
    def kind(self) -> type[Dataset]:
        """The data set that is tested."""
        return self.dataset

    @pytest.fixture
    def files(self) -> Path:
        """The folder with its original files."""
        return self.folder or data_folder()

    @pytest.fixture
    def data(self, kind: type[Dataset], files: Path) -> Data:
        """The decoded data set."""
        skip_without_files(kind, files)
        return read_once(kind, files)

    def test_version_source_and_description_are_given(self, kind: type[Dataset]) -> None:
        for text in (kind.version, kind.source, kind.description):
            assert text.strip()
            assert "\n" not in text

    def test_files_have_relative_paths_and_known_checksums(self, kind: type[Dataset]) -> None:
        for file in kind.files:
            path = PurePosixPath(file.path)
            assert not path.is_absolute()
            assert ".." not in path.parts
            assert {checksum.partition(":")[0] for checksum in file.checksums} <= set(KINDS)

    def test_files_to_download_have_an_http_address_and_a_checksum(self, kind: type[Dataset]) -> None:
        for file in kind.files:
            assert all(address.startswith(("http://", "https://")) for address in file.addresses)
            assert file.checksums or not file.addresses

    def test_tensors_have_the_documented_types_and_one_length(self, data: Data) -> None:
        assert data.x.dtype in (torch.uint8, torch.float32)
        assert (data.y.dtype, data.test.dtype) == (torch.int64, torch.bool)
        assert data.y.shape == data.test.shape == data.x.shape[:1]

    def test_shape_is_as_declared(self, kind: type[Dataset], data: Data) -> None:
        assert data.shape == kind.shape
        assert len(kind.shape) in (1, 3)  # (D,) or (C, H, W)

    def test_counts_of_training_and_probing_points_are_as_declared(self, kind: type[Dataset], data: Data) -> None:
        assert int(data.seen.sum()) == kind.samples
        assert int(data.probed.sum()) == (kind.samples if kind.labelled is None else kind.labelled)

    def test_labels_are_the_declared_classes_or_minus_one(self, kind: type[Dataset], data: Data) -> None:
        assert set(data.y.unique().tolist()) - {-1} == set(range(kind.classes))

    def test_every_class_is_probed_and_evaluated(self, kind: type[Dataset], data: Data) -> None:
        for points in (data.probed, data.evaluation):
            assert set(data.y[points].unique().tolist()) - {-1} == set(range(kind.classes))

    def test_targets_are_finite_with_the_declared_columns(self, kind: type[Dataset], data: Data) -> None:
        """Targets that are declared may be absent, where they come from an optional file."""
        assert kind.targets or data.targets is None
        assert len(set(kind.targets)) == len(kind.targets)
        if data.targets is not None:
            assert data.targets.dtype == torch.float32
            assert data.targets.shape == (len(data.x), len(kind.targets))
            assert data.targets.isfinite().all()

    def test_inputs_are_finite_and_scaled_to_a_sensible_range(self, data: Data) -> None:
        """uint8 is scaled into [0, 1], with a maximum of 0.5 at least; float32 is within ±100 and not constant."""
        assert data.scale > 0
        low, high = (float(bound) * data.scale for bound in data.x.aminmax())  # NaN if any entry is
        assert -LARGEST <= low < high <= LARGEST
        if data.x.dtype == torch.uint8:
            assert 0.5 <= high <= 1 + 1e-6

    def test_masks_select_points_for_training_probes_and_evaluation(self, data: Data) -> None:
        for points in (data.seen, data.probed, data.evaluation):
            assert points.any()
        assert not (data.probed & data.test).any()

    def test_test_points_have_labels_where_probed_points_do(self, data: Data) -> None:
        if (data.y[data.probed] >= 0).any():
            assert data.test.any()
            assert (data.y[data.test] >= 0).all()

    def test_two_reads_return_equal_data(self, kind: type[Dataset], files: Path, data: Data) -> None:
        again = kind().read(files)
        assert (again.scale, again.training_split) == (data.scale, data.training_split)
        assert all(torch.equal(getattr(again, name), getattr(data, name)) for name in ("x", "y", "test"))
        if data.targets is None or again.targets is None:
            assert data.targets is again.targets
        else:
            assert torch.equal(again.targets, data.targets)

    def test_the_content_that_keys_hold_is_stable(self, kind: type[Dataset], files: Path) -> None:
        assert kind().content(files) == kind().content(files)

    def test_the_counts_of_the_files_are_those_of_the_data(self, kind: type[Dataset], files: Path, data: Data) -> None:
        """Of the evaluation split only where its size is declared."""
        counts = kind().counts(files)
        assert (counts.samples, counts.probed) == (int(data.seen.sum()), int(data.probed.sum()))
        assert counts.targets == (0 if data.targets is None else data.targets.shape[1])
        assert kind.evaluated is None or counts.evaluation == int(data.evaluation.sum())
