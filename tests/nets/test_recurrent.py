"""The GRU computes what torch's does, is initialized by torch's rule, and works under vmap."""

import pytest
import torch
from torch import nn

from ablate.nets.functional import apply
from ablate.nets.init import initialize
from ablate.nets.recurrent import GRU

SEQUENCES = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0))


def test_hidden_states_equal_torchs() -> None:
    ours, theirs = GRU(3, 7), nn.GRU(3, 7, batch_first=True)
    params = {name.removesuffix("_l0"): tensor.detach() for name, tensor in theirs.named_parameters()}
    torch.testing.assert_close(apply(ours, params, {}, SEQUENCES, training=True)[0], theirs(SEQUENCES)[0])


def test_hidden_states_of_one_unit_match_a_calculation_by_hand() -> None:
    """Reset and update gates at 1/2: n = tanh(x + h / 2), h' = (n + h) / 2, for x = 1 twice."""
    params = {
        "weight_ih": torch.tensor([[0.0], [0.0], [1.0]]),
        "weight_hh": torch.tensor([[0.0], [0.0], [1.0]]),
        "bias_ih": torch.zeros(3),
        "bias_hh": torch.zeros(3),
    }
    states, _ = apply(GRU(1, 1), params, {}, torch.ones(1, 2, 1), training=True)
    assert states.flatten().tolist() == pytest.approx([0.380797, 0.605750], abs=1e-5)


def test_weights_are_uniform_within_the_inverse_root_of_the_hidden_size() -> None:
    params, state = initialize(GRU(1000, 100), torch.Generator().manual_seed(0))
    assert state == {}
    assert all(0.09 < tensor.abs().max() <= 0.1 for tensor in params.values())


def test_the_gru_works_under_vmap() -> None:
    layer = GRU(3, 2)
    members = [initialize(layer, torch.Generator().manual_seed(seed))[0] for seed in (0, 1)]
    stacked = {name: torch.stack([member[name] for member in members]) for name in members[0]}
    outputs = torch.func.vmap(lambda params: apply(layer, params, {}, SEQUENCES, training=True)[0])(stacked)
    for member, output in zip(members, outputs, strict=True):
        torch.testing.assert_close(output, apply(layer, member, {}, SEQUENCES, training=True)[0])
