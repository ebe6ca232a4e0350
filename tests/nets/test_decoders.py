"""Decoders have the encoders' layers in reverse, and return the encoders' input shape."""

import pytest
import torch
from torch import nn

from ablate.nets.decoders import decoder
from ablate.nets.encoders import encoder
from ablate.nets.functional import apply
from ablate.nets.init import initialize


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def outputs(module: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    params, state = initialize(module, torch.Generator().manual_seed(0))
    return apply(module, params, state, inputs, training=True)[0]


def test_the_mlp_autoencoder_has_4_2_million_parameters_on_spectra() -> None:
    """Published: 4.21 to 4.22; weights 1024² four times and 10240 twice, biases 1024 five times and 10."""
    both = size(encoder("mlp", (1024,), 10, False)) + size(decoder("mlp", (1024,), 10, False, "linear"))
    assert both == 4 * 1024**2 + 2 * 10_240 + 5 * 1024 + 10


def test_the_cnn_decoder_has_as_many_weights_as_the_encoder() -> None:
    """Weights 81920 + 3276800 + 819200 + 3200, biases 8192 + 256 + 128 + 1, batch norm twice 896."""
    assert size(decoder("cnn", (1, 28, 28), 10, True, "sigmoid")) == 4_181_120 + 8577 + 1792


def test_batch_norm_and_relu_follow_hidden_layers_only() -> None:
    names = [type(layer).__name__ for layer in decoder("cnn", (1, 28, 28), 10, True, "sigmoid")]
    hidden = ["BatchNorm", "ReLU", "ConvTranspose2d"]
    assert names == ["Linear", "Unflatten", *hidden, *hidden, *hidden, "Sigmoid"]
    names = [type(layer).__name__ for layer in decoder("mlp", (6,), 10, False, "linear")]
    assert names == ["Flatten", "Linear", "ReLU", "Linear", "ReLU", "Linear", "Unflatten"]


def test_the_cnn_decoders_map_sizes_are_the_encoders_in_reverse() -> None:
    layers = decoder("cnn", (1, 28, 28), 10, False, "linear")
    maps, sides = torch.empty(2, 10, device="meta"), []
    for layer in layers:
        maps = layer(maps)
        sides += [tuple(maps.shape[1:])] if isinstance(layer, nn.Unflatten | nn.ConvTranspose2d) else []
    assert sides == [(512, 4, 4), (256, 7, 7), (128, 14, 14), (1, 28, 28)]


@pytest.mark.parametrize("shape", [(3, 9, 17), (1, 8, 8), (2, 5, 6)])
@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_decoders_return_the_given_shape(kind: str, shape: tuple[int, ...]) -> None:
    assert outputs(decoder(kind, shape, 4, True, "linear"), torch.randn(2, 4)).shape == (2, *shape)


def test_the_sigmoid_output_is_the_sigmoid_of_the_linear_one() -> None:
    codes = 1e3 * torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    bounded = outputs(decoder("mlp", (6,), 3, False, "sigmoid"), codes)
    free = outputs(decoder("mlp", (6,), 3, False, "linear"), codes)
    torch.testing.assert_close(bounded, free.sigmoid())
    assert free.abs().max() > 1
