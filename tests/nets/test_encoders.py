"""Encoders have the layers and the numbers of parameters of Ntelemis et al. (2022)."""

import torch
from torch import nn

from ablate.nets.encoders import cnn, encoder, mlp, pooled_cnn
from ablate.nets.functional import apply
from ablate.nets.init import initialize


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def outputs(module: nn.Module, inputs: torch.Tensor) -> tuple[int, ...]:
    params, state = initialize(module, torch.Generator())
    return tuple(apply(module, params, state, inputs, training=True)[0].shape)


def test_the_cnn_encoder_has_4_18_million_parameters() -> None:
    """Weights 3200 + 819200 + 3276800 + 81920, biases 128 + 256 + 512 + 10, batch norm twice 896."""
    assert size(cnn((1, 28, 28), 10, True)) == 4_181_120 + 906 + 1792


def test_the_mlp_encoder_has_2_11_million_parameters_on_spectra() -> None:
    """Weights 1024² twice and 10240, biases 1024 + 1024 + 10, batch norm twice 2048."""
    assert size(mlp((1024, 1024, 1024, 10), True)) == 2_107_392 + 2058 + 4096


def test_the_classifier_has_0_03_million_parameters() -> None:
    """Weights 1280 + 16384 + 12800, biases 128 + 128 + 100, batch norm twice 256."""
    assert size(mlp((10, 128, 128, 100), True)) == 30_464 + 356 + 512


def test_batch_norm_and_relu_follow_hidden_layers_only() -> None:
    names = [type(layer).__name__ for layer in mlp((6, 5, 4, 3), True)]
    hidden = ["Linear", "BatchNorm", "ReLU"]
    assert names == ["Flatten", *hidden, *hidden, "Linear"]
    assert [type(layer).__name__ for layer in mlp((6, 5, 3), False)] == ["Flatten", "Linear", "ReLU", "Linear"]


def test_the_cnn_halves_the_sides_three_times() -> None:
    module = cnn((1, 28, 28), 10, True)
    assert [layer.out_channels for layer in module if isinstance(layer, nn.Conv2d)] == [128, 256, 512]
    assert [layer.in_features for layer in module if isinstance(layer, nn.Linear)] == [512 * 4 * 4]
    assert outputs(module, torch.rand(2, 1, 28, 28)) == (2, 10)


def test_the_cnn_accepts_images_of_other_sizes_and_channels() -> None:
    assert outputs(cnn((3, 9, 17), 4, False), torch.rand(2, 3, 9, 17)) == (2, 4)


def test_the_mlp_flattens_images() -> None:
    assert outputs(mlp((64, 5, 3), False), torch.rand(2, 1, 8, 8)) == (2, 3)


def test_networks_are_cached_and_live_on_the_meta_device() -> None:
    assert mlp((7, 5, 3), True) is mlp((7, 5, 3), True)
    assert all(parameter.is_meta for parameter in mlp((7, 5, 3), True).parameters())


def test_encoder_selects_the_network_by_its_kind() -> None:
    assert encoder("cnn", (1, 8, 8), 4, True) is cnn((1, 8, 8), 4, True)
    assert encoder("mlp", (1, 8, 8), 4, False) is mlp((64, 1024, 1024, 4), False)


def test_the_pooled_cnn_accepts_segments_of_any_size() -> None:
    """Weights 25 (4 + 32 + 128) and 48, biases 4 + 8 + 16 + 3."""
    module = pooled_cnn(1, 2, 4, 3, False)
    assert size(module) == 4100 + 48 + 31
    assert outputs(module, torch.rand(2, 1, 14, 14)) == outputs(module, torch.rand(2, 1, 3, 5)) == (2, 3)
    assert module[:-3](torch.empty(2, 1, 14, 9, device="meta")).shape == (2, 16, 14, 9)
    assert outputs(pooled_cnn(1, 1, 4, 3, True), torch.rand(2, 1, 7)) == (2, 3)
