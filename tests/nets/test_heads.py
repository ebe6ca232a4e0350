"""Projection heads have the papers' layers, and biases only where the papers have them."""

import torch
from torch import nn

from ablate.nets.encoders import mlp
from ablate.nets.functional import apply
from ablate.nets.heads import projection


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def names(module: nn.Sequential) -> list[str]:
    return [type(layer).__name__ for layer in module]


def test_the_projection_of_simclr_has_4_5_million_parameters() -> None:
    """Weights 2048² and 2048 x 128, one bias of 2048, batch norm twice 2048."""
    head = projection(2048, 2048, 128)
    assert names(head) == ["Linear", "BatchNorm", "ReLU", "Linear"]
    assert size(head) == 4_194_304 + 262_144 + 2048 + 4096


def test_bias_adds_one_to_the_last_layer_and_batch_norm_follows_the_hidden_ones() -> None:
    assert size(projection(5, 4, 3, batchnorm=False, bias=True)) == 20 + 4 + 12 + 3
    assert size(projection(5, 4, 3, layers=3)) == (20 + 4 + 8) + (16 + 4 + 8) + 12
    assert names(projection(5, 4, 3, batchnorm=False, layers=3)) == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    assert names(projection(5, 4, 3, layers=1)) == ["Linear"]
    assert size(projection(5, 4, 3, layers=1)) == 15


def test_the_mlp_decoder_of_a_transformation_has_3_2_million_parameters() -> None:
    """512 → 2048 → 1024 → 8: weights 1048576 + 2097152 + 8192, biases 2048 + 1024 + 8, batch norm twice 3072."""
    decoder = mlp((512, 2048, 1024, 8), True)
    assert size(decoder) == 3_153_920 + 3080 + 6144


def test_a_projection_matches_a_calculation_by_hand() -> None:
    """relu(2 - 1) = 1 and relu(-2 + 1) = 0 through weights 3 and 5."""
    params = {
        "0.weight": torch.tensor([[1.0], [-1.0]]),
        "0.bias": torch.tensor([-1.0, 1.0]),
        "2.weight": torch.tensor([[3.0, 5.0]]),
    }
    head = projection(1, 2, 1, batchnorm=False)
    assert apply(head, params, {}, torch.tensor([[2.0]]), training=True)[0].item() == 3
