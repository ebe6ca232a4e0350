"""VTE's encoders have the published layers, map sizes and numbers of parameters."""

import pytest
import torch
from torch import nn

from ablate.nets.batchnorm import BatchNorm
from ablate.nets.functional import apply
from ablate.nets.init import initialize
from ablate.nets.nin import MIN_SIDE, alexnet, flat_dim, nin

COUNTED = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.Flatten)
IMAGE = (3, 32, 32)


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def maps(network: nn.Sequential, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The shape after every convolution, pooling and flattening."""
    seen, value = [], torch.empty(2, *shape, device="meta")
    for layer in network:
        value = layer(value)
        seen += [tuple(value.shape[1:])] if isinstance(layer, COUNTED) else []
    return seen


def test_map_sizes_of_the_network_in_network() -> None:
    first = [(192, 32, 32), (160, 32, 32), (96, 32, 32), (96, 16, 16)]
    second = [(192, 16, 16), (192, 16, 16), (8, 16, 16), (8, 8, 8)]
    assert maps(nin(IMAGE), IMAGE) == [*first, *second, (512,)]


def test_map_sizes_of_alexnet() -> None:
    first = [(64, 26, 26), (64, 12, 12), (192, 12, 12), (192, 5, 5)]
    assert maps(alexnet(IMAGE), IMAGE) == [*first, (384, 5, 5), (256, 5, 5), (256, 5, 5), (256, 2, 2), (1024,)]


def test_the_network_in_network_has_half_a_million_convolution_weights() -> None:
    """75·192 + 192·160 + 160·96 and 25·96·192 + 192² + 192·8, batch norm twice 840 filters; no biases."""
    assert size(nin(IMAGE)) == 14_400 + 30_720 + 15_360 + 460_800 + 36_864 + 1536 + 2 * 840


def test_alexnet_has_2_5_million_parameters() -> None:
    """121·3·64 + 25·64·192 + 9·(192·384 + 384·256 + 256·256), and 1152 biases."""
    assert size(alexnet(IMAGE)) == 23_232 + 307_200 + 663_552 + 884_736 + 589_824 + 1152


def test_nin_has_batch_norm_instead_of_biases_and_alexnet_biases() -> None:
    names = [type(layer).__name__ for layer in nin(IMAGE)]
    group = 3 * ["Conv2d", "BatchNorm", "ReLU"]
    assert names == [*group, "MaxPool2d", *group, "AvgPool2d", "Flatten"]
    assert all(layer.bias is None for layer in nin(IMAGE) if isinstance(layer, nn.Conv2d))
    assert not any(isinstance(layer, BatchNorm) for layer in alexnet(IMAGE))
    assert all(layer.bias is not None for layer in alexnet(IMAGE) if isinstance(layer, nn.Conv2d))


def test_the_last_average_pooling_counts_padding() -> None:
    """The corner of constant maps: 4 of 9 places, as torch pools by default."""
    assert nin(IMAGE)[-2](torch.ones(1, 1, 4, 4)).flatten().tolist() == pytest.approx([4 / 9, 6 / 9, 6 / 9, 1])


def test_a_width_scales_all_layers() -> None:
    assert [shape[0] for shape in maps(nin(IMAGE, 8), IMAGE)] == [24, 20, 12, 12, 24, 24, 1, 1, 64]
    assert [shape[0] for shape in maps(alexnet(IMAGE, 4), IMAGE)] == [4, 4, 12, 12, 24, 16, 16, 16, 64]


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (2, 21, 39), (1, 64, 33)])
@pytest.mark.parametrize("name", sorted(MIN_SIDE))
def test_feature_dim_is_the_output_size_of_the_network(name: str, shape: tuple[int, ...]) -> None:
    build = {"nin": nin, "alexnet": alexnet}[name]
    assert maps(build(shape, 16), shape)[-1] == (flat_dim(name, shape, 16),)


def test_feature_dim_on_cifar_is_512_and_1024() -> None:
    assert [flat_dim(name, IMAGE) for name in ("nin", "alexnet")] == [512, 1024]


@pytest.mark.parametrize("name", sorted(MIN_SIDE))
def test_images_of_the_smallest_side_are_accepted_and_smaller_ones_are_not(name: str) -> None:
    side = MIN_SIDE[name]
    build = {"nin": nin, "alexnet": alexnet}[name]
    assert maps(build((1, side, side), 8), (1, side, side))[-1][0] > 0
    if side > 1:
        with pytest.raises(RuntimeError, match="too small"):
            maps(build((1, side - 1, side - 1), 8), (1, side - 1, side - 1))


@pytest.mark.parametrize("network", [nin(IMAGE), alexnet(IMAGE)])
def test_weights_are_initialized_by_torchs_rule(network: nn.Sequential) -> None:
    params, state = initialize(network, torch.Generator().manual_seed(0))
    fan_in = params["0.weight"][0].numel()
    assert 0.99 * fan_in**-0.5 < params["0.weight"].abs().max() <= fan_in**-0.5
    assert apply(network, params, state, torch.rand(2, *IMAGE), training=True)[0].isfinite().all()
