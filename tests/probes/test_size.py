"""Parameters are counted as a paper counts them that says what its networks are."""

from collections.abc import Callable

import pytest
import torch

from ablate.data_info import DataInfo
from ablate.encoder import Encoder
from ablate.methods import METHODS
from ablate.papers.reference import numbers
from ablate.probes.probe import Embedded, Model
from ablate.probes.size import Size
from ablate.trial import Config

Look = Callable[..., Embedded]

SPECTRA = DataInfo((1024,), samples=20, classes=0, batch_size=10)


def trained(name: str) -> Model:
    """What is kept of a method's network for spectra."""
    method = METHODS[name]()
    params, state = method.init(SPECTRA, torch.Generator().manual_seed(0))
    kept = {key: tensor for key, tensor in {**params, **state}.items() if key.startswith(method.exported)}
    return Encoder(Config(name, "1", {}, "msi", "1", {}, 0), kept)


def size(look: Look, name: str) -> float:
    spectra, labels = torch.rand(20, 1024), torch.zeros(20, dtype=torch.int64)
    return Size().score(look(trained(name), spectra, labels), seed=0)["million_parameters"]


def test_weights_and_biases_count_and_running_statistics_do_not(look: Look) -> None:
    layers = (1024 + 1) * 1024 + (1024 + 1) * 1024 + (1024 + 1) * 10
    normed = 2 * (1024 + 1024)  # a scale and a shift of each unit of the hidden layers
    assert size(look, "invariant") == (layers + normed) / 1e6


@pytest.mark.parametrize(("name", "row"), [("invariant", "Ours"), ("ae", "AE family")])
def test_the_perceptrons_of_table_1_are_as_large_as_printed(look: Look, name: str, row: str) -> None:
    (theirs,) = (
        known.value
        for known in numbers("invariant-features")
        if known.metric == "num_params" and known.dataset.startswith("MSI") and known.method.startswith(row)
    )
    assert size(look, name) == pytest.approx(theirs, abs=0.01)
