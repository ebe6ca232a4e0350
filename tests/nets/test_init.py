"""Parameters are initialized by torch's default rules, from the given generator only."""

import pytest
import torch
from torch import nn

from ablate.nets.encoders import mlp
from ablate.nets.init import initialize


def test_linear_and_convolution_are_uniform_within_the_inverse_root_of_the_fan_in() -> None:
    module = nn.Sequential(nn.Linear(400, 300, device="meta"), nn.Conv2d(4, 100, 5, device="meta"))
    params, _ = initialize(module, torch.Generator().manual_seed(0))
    for name in ("0.weight", "0.bias"):
        assert params[name].abs().max() <= 1 / 20
    for name in ("1.weight", "1.bias"):
        assert params[name].abs().max() <= 1 / 10
    assert params["0.weight"].std().item() == pytest.approx(1 / 20 / 3**0.5, rel=0.01)
    assert params["1.weight"].std().item() == pytest.approx(1 / 10 / 3**0.5, rel=0.03)
    assert params["0.weight"].mean().abs() < 0.001


def test_a_transposed_convolution_has_torchs_fan_in() -> None:
    """torch takes the fan-in from the weight's second dimension: 9 filters of 2 x 2."""
    params, _ = initialize(nn.ConvTranspose2d(50, 9, 2, device="meta"), torch.Generator().manual_seed(0))
    assert 0.95 / 6 < params["weight"].abs().max() <= 1 / 6
    torch.manual_seed(0)
    assert 0.95 / 6 < nn.ConvTranspose2d(50, 9, 2).weight.abs().max() <= 1 / 6


def test_batch_norm_is_initialized_as_the_identity() -> None:
    params, state = initialize(mlp((3, 2, 2), True), torch.Generator())
    assert params["2.weight"].tolist() == [1, 1]
    assert params["2.bias"].tolist() == [0, 0]
    assert state["2.running_mean"].tolist() == [0, 0]
    assert state["2.running_var"].tolist() == [1, 1]
    assert state.keys() == {"2.running_mean", "2.running_var"}


def test_names_and_shapes_are_those_of_the_state_dict() -> None:
    module = mlp((5, 4, 3), True)
    params, state = initialize(module, torch.Generator())
    assert {name: tensor.shape for name, tensor in {**params, **state}.items()} == {
        name: tensor.shape for name, tensor in module.state_dict().items()
    }


def test_the_global_generator_is_neither_used_nor_moved() -> None:
    torch.manual_seed(1)
    first, _ = initialize(mlp((11, 7, 3), True), torch.Generator().manual_seed(5))
    after_one = torch.get_rng_state()
    torch.manual_seed(1)
    assert torch.equal(after_one, torch.get_rng_state())
    torch.manual_seed(2)
    second, _ = initialize(mlp((11, 7, 3), True), torch.Generator().manual_seed(5))
    assert all(torch.equal(first[name], second[name]) for name in first)
