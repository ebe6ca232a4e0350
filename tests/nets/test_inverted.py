"""Inverted residual networks have the published layers, map sizes and numbers of parameters, and no batch norm."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ablate.nets.batchnorm import BatchNorm
from ablate.nets.functional import apply
from ablate.nets.init import initialize
from ablate.nets.inverted import bottleneck_block, inverted_resnet
from ablate.nets.layers import Residual

LINEARS = 128 * 2048 + 2048 + 2048 * 2048 + 2048
FOLD = 128 * 2048 + 2048  # the 1 x 1 convolution from 128 to 2048 channels


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def maps(network: nn.Sequential, inputs: int) -> list[tuple[int, ...]]:
    """The shape after every layer except activations."""
    seen, value = [], torch.empty(2, inputs, device="meta")
    for layer in network:
        value = layer(value)
        seen += [] if isinstance(layer, nn.ReLU) else [tuple(value.shape[1:])]
    return seen


@pytest.mark.parametrize(
    ("side", "sides", "end"),
    [
        (32, [4, 8, 16, 32], [(64, 32, 32), (3, 32, 32)]),
        (96, [6, 12, 24, 48], [(64, 48, 48), (64, 96, 96), (3, 96, 96)]),
    ],
)
def test_map_sizes_of_the_inverted_resnet_50(side: int, sides: list[int], end: list[tuple[int, ...]]) -> None:
    network = inverted_resnet("resnet50", (3, side, side), 128)
    stages = [(c, s, s) for c, s in zip((1024, 512, 256, 128), sides, strict=True)]
    assert maps(network, 128) == [(2048,), (2048,), (128, 4, 4), (2048, 4, 4), *stages, *end]


@pytest.mark.parametrize("name", ["resnet18", "resnet34"])
def test_the_inverted_resnets_18_and_34_have_a_quarter_of_the_channels(name: str) -> None:
    shapes = maps(inverted_resnet(name, (3, 32, 32), 128), 128)
    assert shapes[4:] == [(256, 4, 4), (128, 8, 8), (64, 16, 16), (32, 32, 32), (64, 32, 32), (3, 32, 32)]


@pytest.mark.parametrize(
    ("name", "depths"),
    [("resnet18", [2, 2, 2, 2]), ("resnet34", [3, 6, 4, 3]), ("resnet50", [3, 6, 4, 3])],
)
def test_stages_have_as_many_blocks_as_in_the_paper(name: str, depths: list[int]) -> None:
    stages = [layer for layer in inverted_resnet(name, (3, 32, 32), 128) if isinstance(layer, nn.Sequential)]
    assert [len(stage) for stage in stages] == depths
    assert all(isinstance(block, Residual) for stage in stages for block in stage)


def test_the_inverted_resnet_50_has_13_3_million_parameters() -> None:
    """A bottleneck i → 4p with biases: i p + p, 9 p² + p, 4 p² + 4 p; a first one also 4 p i + 4 p."""
    blocks = 0
    for (before, after), depth in zip(pairwise((2048, 1024, 512, 256, 128)), (3, 6, 4, 3), strict=True):
        p = after // 4
        rest = 13 * p * p + 6 * p
        blocks += depth * rest + before * p + (depth - 1) * after * p + after * before + after
    end = 9 * 128 * 64 + 64 + 9 * 64 * 3 + 3
    assert LINEARS + FOLD + blocks + end == 13_291_203
    assert size(inverted_resnet("resnet50", (3, 32, 32), 128)) == 13_291_203
    assert size(inverted_resnet("resnet50", (3, 96, 96), 128)) == 13_291_203


@pytest.mark.parametrize(("name", "depths"), [("resnet18", (2, 2, 2, 2)), ("resnet34", (3, 6, 4, 3))])
def test_blocks_of_the_inverted_resnets_18_and_34_have_two_3_x_3_convolutions(
    name: str, depths: tuple[int, ...]
) -> None:
    """A block i → o: 9 i o + o, 9 o² + o; a first one also i o + o."""
    blocks = 0
    for (i, o), depth in zip(pairwise((2048, 256, 128, 64, 32)), depths, strict=True):
        blocks += 9 * i * o + i * o + o + 9 * o * o + 2 * o + (depth - 1) * (18 * o * o + 2 * o)
    end = 9 * 32 * 64 + 64 + 9 * 64 * 3 + 3
    assert size(inverted_resnet(name, (3, 32, 32), 128)) == LINEARS + FOLD + blocks + end


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50"])
def test_there_is_no_batch_norm_and_every_layer_has_a_bias(name: str) -> None:
    network = inverted_resnet(name, (3, 32, 32), 128)
    assert not any(isinstance(layer, BatchNorm) for layer in network.modules())
    assert list(network.buffers()) == []
    affine = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert all(layer.bias is not None for layer in affine)
    assert initialize(network, torch.Generator())[1] == {}


def test_the_first_bottleneck_of_a_stage_resizes_its_path_and_its_shortcut() -> None:
    """relu(W3 relu(W2 ∗ up(relu(W1 x))) + S up(x)), the shortcut's convolution after the resizing as in the paper."""
    block = bottleneck_block(3, 8, (6, 4)).to_empty(device="cpu")
    params, _ = initialize(block, torch.Generator().manual_seed(0))
    inputs = torch.randn(2, 3, 4, 2, generator=torch.Generator().manual_seed(1))

    def convolved(inputs: Tensor, name: str, padding: int = 0) -> Tensor:
        return F.conv2d(inputs, params[f"{name}.weight"], params[f"{name}.bias"], padding=padding)

    rows, columns = torch.tensor([0, 0, 1, 2, 2, 3]), torch.tensor([0, 0, 1, 1])  # floor(2 i / 3), floor(i / 2)
    inner = convolved(inputs, "path.0").relu()[:, :, rows][:, :, :, columns]
    expected = convolved(convolved(inner, "path.3", 1).relu(), "path.5")
    expected = (expected + convolved(inputs[:, :, rows][:, :, :, columns], "shortcut.0")).relu()
    torch.testing.assert_close(apply(block, params, {}, inputs, training=True)[0], expected)


def test_weights_are_initialized_by_torchs_rule() -> None:
    """Uniform within the inverse root of the fan-in: 2048 units, and 9 x 256 in the second stage's blocks."""
    params, _ = initialize(inverted_resnet("resnet50", (3, 32, 32), 128), torch.Generator().manual_seed(0))
    for name, bound in (("2.weight", 2048**-0.5), ("7.1.path.2.weight", 2304**-0.5)):
        assert 0.99 * bound < params[name].abs().max() <= bound
        assert params[name].std().item() == pytest.approx(bound / 3**0.5, rel=0.01)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28), (2, 13, 9), (1, 72, 66)])
def test_images_of_any_size_are_decoded(shape: tuple[int, ...]) -> None:
    for name in ("resnet18", "resnet50"):
        network = inverted_resnet(name, shape, 5, 8, 32)
        assert network(torch.empty(2, 5, device="meta")).shape == (2, *shape)


def test_width_scales_the_stages_and_hidden_the_affine_maps() -> None:
    shapes = maps(inverted_resnet("resnet50", (3, 32, 32), 5, 16, 64), 5)
    assert shapes[:4] == [(64,), (64,), (4, 4, 4), (64, 4, 4)]
    assert [shape[0] for shape in shapes[4:]] == [256, 128, 64, 32, 16, 3]
