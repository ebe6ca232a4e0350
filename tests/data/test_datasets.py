"""The contract of data sets: kept by the registered ones, and broken by faulty ones."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ablate.data import DATASETS
from ablate.data.dataset import Data, Dataset, File
from ablate.errors import StudyError
from ablate.testing.datasets import DatasetContract

NOT_PUBLISHED = {"cifar10-jpeg", "msi"}  # data sets whose files have no address to download them from
EACH = pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=() if name == "digits" else pytest.mark.slow) for name, kind in DATASETS.items()],
    ids=list(DATASETS),
    scope="class",  # all tests of one data set follow each other
)


@EACH
class TestRegisteredDatasets(DatasetContract):
    @pytest.fixture
    def files(self, kind: type[Dataset], request: pytest.FixtureRequest) -> Path:
        folder: Path = request.getfixturevalue("real_data") if kind.files else Path()
        return folder

    @pytest.fixture
    def data(self, kind: type[Dataset], files: Path, request: pytest.FixtureRequest) -> Data:
        """Read through the cache, so that other tests of the session share it."""
        (name,) = (name for name, other in DATASETS.items() if other is kind)
        data: Data = request.getfixturevalue("real")(name) if kind.files else kind().read(files)
        return data

    def test_the_size_of_the_evaluation_split_is_as_declared(self, kind: type[Dataset], data: Data) -> None:
        assert kind.declared_counts().evaluation == int(data.evaluation.sum())

    def test_inputs_are_not_negative(self, data: Data) -> None:
        assert data.x.min() == 0


@pytest.mark.parametrize("name", DATASETS)
def test_files_have_addresses_and_checksums_unless_the_user_provides_them(name: str) -> None:
    for file in DATASETS[name].files:
        assert bool(file.addresses) == (name not in NOT_PUBLISHED)
        assert file.checksums or name == "msi"


def test_an_unknown_data_set_suggests_the_nearest_name() -> None:
    with pytest.raises(StudyError, match="no data set is called 'mnits'; did you mean 'mnist'"):
        DATASETS["mnits"]


DATA = Data(
    x=torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.5, 1.0], [1.0, 0.5]]),
    y=torch.tensor([0, 1, 0, 1]),
    test=torch.tensor([False, False, True, True]),
    scale=1.0,
    training_split="train",
    targets=torch.zeros(4, 1),
)


class FourPoints(Dataset):
    """A data set that keeps the contract."""

    source = "the tests"
    description = "four points in the plane, 2 classes; 2 of them are the test set"
    shape = (2,)
    classes = 2
    samples = 2
    targets = ("height",)
    data = DATA

    def read(self, folder: Path) -> Data:
        return self.data


class TestFourPoints(DatasetContract):
    dataset = FourPoints


class Random(FourPoints):
    def read(self, folder: Path) -> Data:
        return replace(DATA, x=torch.rand(4, 2))


def faulty(**declared: Any) -> type[Dataset]:
    """The four points with other declarations, or other data."""
    return type("Faulty", (FourPoints,), declared)


def with_data(**changed: Any) -> type[Dataset]:
    return faulty(data=replace(DATA, **changed))


CONTRACT = DatasetContract()
TYPES = CONTRACT.test_tensors_have_the_documented_types_and_one_length
LABELS = CONTRACT.test_labels_are_the_declared_classes_or_minus_one
COUNTS = CONTRACT.test_counts_of_training_and_probing_points_are_as_declared
CLASSES = CONTRACT.test_every_class_is_probed_and_evaluated
TARGETS = CONTRACT.test_targets_are_finite_with_the_declared_columns
RANGE = CONTRACT.test_inputs_are_finite_and_scaled_to_a_sensible_range
MASKS = CONTRACT.test_masks_select_points_for_training_probes_and_evaluation
HELD_OUT = CONTRACT.test_test_points_have_labels_where_probed_points_do
TEXTS = CONTRACT.test_version_source_and_description_are_given
PATHS = CONTRACT.test_files_have_relative_paths_and_known_checksums
DOWNLOADS = CONTRACT.test_files_to_download_have_an_http_address_and_a_checksum
READS = CONTRACT.test_two_reads_return_equal_data


@pytest.mark.parametrize(
    ("test", "kind"),
    [
        (TEXTS, faulty(source="")),
        (TEXTS, faulty(description="two\nlines")),
        (PATHS, faulty(files=(File("../a.bin"),))),
        (PATHS, faulty(files=(File("/a.bin"),))),
        (PATHS, faulty(files=(File("a.bin", (), ("crc32:0",)),))),
        (DOWNLOADS, faulty(files=(File("a.bin", ("https://a.org/a.bin",)),))),
        (DOWNLOADS, faulty(files=(File("a.bin", ("file:///a.bin",), ("md5:0",)),))),
        (TYPES, with_data(x=DATA.x.double())),
        (TYPES, with_data(y=DATA.y.int())),
        (TYPES, with_data(y=DATA.y[:3])),
        (CONTRACT.test_shape_is_as_declared, faulty(shape=(3,))),
        (COUNTS, faulty(samples=3)),
        (COUNTS, faulty(labelled=1)),
        (LABELS, faulty(classes=3)),
        (LABELS, with_data(y=torch.tensor([0, 1, 2, 1]))),
        (LABELS, with_data(y=torch.tensor([0, 1, -2, 1]))),
        (CLASSES, with_data(y=torch.tensor([0, 1, 0, 0]))),
        (CLASSES, with_data(y=torch.tensor([0, 0, 0, 1]))),
        (TARGETS, faulty(targets=())),
        (TARGETS, faulty(targets=("height", "width"))),
        (TARGETS, with_data(targets=torch.full((4, 1), torch.nan))),
        (TARGETS, with_data(targets=torch.zeros(4, 1).long())),
        (RANGE, with_data(x=DATA.x * torch.nan)),
        (RANGE, with_data(x=DATA.x / 0)),
        (RANGE, with_data(x=torch.ones(4, 2))),
        (RANGE, with_data(scale=255.0)),
        (RANGE, with_data(x=(DATA.x * 255).to(torch.uint8))),
        (RANGE, with_data(x=DATA.x.to(torch.uint8), scale=1 / 255)),
        (MASKS, with_data(test=torch.ones(4, dtype=torch.bool))),
        (MASKS, with_data(test=torch.zeros(4, dtype=torch.bool))),
        (MASKS, with_data(training_split="unlabelled")),
        (HELD_OUT, with_data(y=torch.tensor([0, 1, 0, -1]))),
        (READS, Random),
    ],
)
def test_a_faulty_data_set_breaks_the_contract(test: Callable[..., None], kind: type[Dataset], tmp_path: Path) -> None:
    available = {"kind": kind, "files": tmp_path, "data": kind().read(tmp_path)}
    with pytest.raises(AssertionError):
        test(**{name: value for name, value in available.items() if name in test.__annotations__})
