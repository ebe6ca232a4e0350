"""What every data set promises, kept by the real ones."""

from collections.abc import Callable

import pytest
import torch

from ablate.data import DATASETS
from ablate.data.dataset import Data
from ablate.errors import StudyError

Load = Callable[[str], Data]

BROUGHT = {"cifar10-jpeg", "msi"}  # sets whose files nobody publishes

pytestmark = pytest.mark.slow
names = pytest.mark.parametrize("name", sorted(DATASETS))


@names
def test_a_data_set_is_described_as_it_is(name: str, real: Load) -> None:
    kind, data = DATASETS[name], real(name)
    assert (kind.shape, kind.classes, kind.samples) == (data.shape, int(data.y.max()) + 1, int(data.seen.sum()))
    assert (kind.labelled or kind.samples) == int(data.probed.sum())


@names
def test_every_class_is_probed_and_tested(name: str, real: Load) -> None:
    data = real(name)
    assert (torch.bincount(data.y[data.probed]) > 0).all()
    assert set(data.y[data.test].tolist()) == set(range(DATASETS[name].classes))


@names
def test_tensors_have_the_promised_types_and_lengths(name: str, real: Load) -> None:
    data = real(name)
    assert data.x.dtype in (torch.uint8, torch.float32)
    assert (data.y.dtype, data.test.dtype) == (torch.int64, torch.bool)
    assert len(data.x) == len(data.y) == len(data.test)


@names
def test_inputs_are_finite_and_not_negative(name: str, real: Load) -> None:
    inputs = real(name).x[:2000] * real(name).scale
    assert inputs.isfinite().all()
    assert inputs.min() == 0


@names
def test_a_data_set_says_what_it_holds_and_whose_it_is(name: str) -> None:
    assert DATASETS[name].description
    assert DATASETS[name].source


@names
def test_every_file_can_be_fetched_and_verified(name: str) -> None:
    for file in DATASETS[name].files:
        assert all(address.startswith("http") for address in file.addresses)
        assert bool(file.addresses) == (name not in BROUGHT)
        assert file.checksums or name == "msi"  # whose files are the user's own


def test_an_unknown_data_set_names_the_nearest_one() -> None:
    with pytest.raises(StudyError, match="no data set is called 'mnits'; did you mean 'mnist'"):
        DATASETS["mnits"]
