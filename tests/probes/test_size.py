"""Numbers of parameters, compared with a paper that prints the sizes of its networks."""

import pytest
import torch

from ablate.data_info import DataInfo
from ablate.encoder import Encoder
from ablate.methods import METHODS
from ablate.papers.reference import numbers
from ablate.probes.probe import Model
from ablate.probes.size import Size
from ablate.testing.linear_gaussian import embed_all
from ablate.trial import Config

SPECTRA = DataInfo((1024,), samples=20, classes=0, batch_size=10)


def exported(name: str) -> Model:
    """The part of a method's initial network for spectra that is saved as its encoder."""
    method = METHODS[name]()
    params, state = method.init(SPECTRA, torch.Generator().manual_seed(0))
    tensors = {key: tensor for key, tensor in {**params, **state}.items() if key.startswith(method.exported)}
    return Encoder(Config(name, "1", {}, "msi", "1", {}, 0), tensors)


def size(name: str) -> float:
    spectra, labels = torch.rand(20, 1024), torch.zeros(20, dtype=torch.int64)
    return Size().score(embed_all(exported(name), spectra, labels), seed=0)["million_parameters"]


def test_weights_and_biases_are_counted_but_not_running_statistics() -> None:
    layers = (1024 + 1) * 1024 + (1024 + 1) * 1024 + (1024 + 1) * 10
    normed = 2 * (1024 + 1024)  # a scale and a shift of each unit of the hidden layers
    assert size("invariant") == (layers + normed) / 1e6


@pytest.mark.parametrize(("name", "row"), [("invariant", "Ours"), ("ae", "AE family")])
def test_networks_have_the_sizes_of_table_1(name: str, row: str) -> None:
    (printed,) = (
        known.value
        for known in numbers("invariant-features")
        if known.metric == "num_params" and known.dataset.startswith("MSI") and known.method.startswith(row)
    )
    assert size(name) == pytest.approx(printed, abs=0.01)
