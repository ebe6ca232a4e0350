"""SimVAE's networks have the layers, map sizes and numbers of parameters of the authors' code."""

import pytest
import torch
from torch import nn

from ablate.nets.functional import apply
from ablate.nets.init import initialize
from ablate.nets.layers import Residual
from ablate.nets.narrow import narrow_decoder, narrow_encoder, simvae_mlp, simvae_mlp_decoder


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def maps(network: nn.Sequential, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    seen, value = [], torch.empty(2, *shape, device="meta")
    for layer in network:
        value = layer(value)
        seen.append(tuple(value.shape[1:]))
    return seen


@pytest.mark.parametrize(("side", "sides", "flat"), [(32, [30, 15, 15, 8, 4], 2048), (64, [61, 31, 31, 16, 8], 8192)])
def test_map_sizes_of_the_narrow_encoder(side: int, sides: list[int], flat: int) -> None:
    shapes = maps(narrow_encoder((3, side, side), 128), (3, side, side))
    expected = [(c, s, s) for c, s in zip((64, 64, 32, 64, 128), sides, strict=True)]
    assert shapes == [*[expected[0]] * 3, *expected[1:], (flat,), (128,)]


@pytest.mark.parametrize(("side", "sides"), [(32, [2, 4, 8, 16, 16, 32]), (64, [4, 8, 16, 32, 32, 64])])
def test_map_sizes_of_the_narrow_decoder(side: int, sides: list[int]) -> None:
    shapes = maps(narrow_decoder((3, side, side), 64), (64,))
    expected = [(c, s, s) for c, s in zip((512, 256, 128, 64, 64, 3), sides, strict=True)]
    assert shapes == [(512 * sides[0] ** 2,), *expected, (3, side, side)]


def test_the_stem_for_large_images_has_a_larger_kernel_and_no_bias() -> None:
    small, large = narrow_encoder((3, 32, 32), 128)[0], narrow_encoder((3, 64, 64), 128)[0]
    assert (small.weight.shape, small.bias is not None) == ((64, 3, 3, 3), True)
    assert (large.weight.shape, large.bias is not None) == ((64, 3, 4, 4), False)


def test_the_narrow_encoder_has_1_million_parameters_on_small_images() -> None:
    """A stage i → o has 9 i o + 27 o² in its 3 x 3 convolutions, i o in its shortcut, and batch norm five times 2 o."""
    stages = sum(9 * i * o + 27 * o * o + i * o + 10 * o for i, o in ((64, 32), (32, 64), (64, 128)))
    stem, last = 27 * 64 + 64 + 128, 2048 * 128 + 128
    assert stem + stages + last == 969_920
    assert size(narrow_encoder((3, 32, 32), 128)) == 969_920
    large = size(narrow_encoder((3, 64, 64), 128)) - (48 * 64 + 128) - (8192 * 128 + 128)
    assert large == stages


def test_only_the_first_block_of_each_stage_has_a_convolution_as_shortcut() -> None:
    blocks = [layer for layer in narrow_encoder((3, 32, 32), 128).modules() if isinstance(layer, Residual)]
    shortcuts = [[getattr(layer, "stride", None) for layer in block.shortcut.modules()][1:2] for block in blocks]
    assert shortcuts == [[(1, 1)], [], [(2, 2)], [], [(2, 2)], []]


def test_the_narrow_decoder_has_9_million_parameters_on_small_images() -> None:
    """A stage i → o: 18 i² + 4 i, then 9 i o + 9 o² + i o + 6 o; the last stage 36 o² + 8 o; a 7 x 7 with its bias."""
    stages = sum(18 * i * i + 4 * i + 10 * i * o + 9 * o * o + 6 * o for i, o in ((512, 256), (256, 128), (128, 64)))
    first, last, end = 64 * 2048 + 2048, 36 * 64 * 64 + 8 * 64, 49 * 64 * 3 + 3
    assert first + stages + last + end == 8_984_387
    assert size(narrow_decoder((3, 32, 32), 64)) == size(narrow_decoder((3, 32, 32), 64, True)) == 8_984_387


def test_a_same_size_block_adds_its_inputs_only_with_identity() -> None:
    """With batch norm's weights at zero a block is relu(0), or relu(x)."""
    inputs = torch.randn(2, 16, 2, 2, generator=torch.Generator().manual_seed(0))
    for identity in (False, True):
        block = narrow_decoder((3, 32, 32), 4, identity, 2).get_submodule("2.0")
        params, state = initialize(block, torch.Generator().manual_seed(0))
        zeroed = {name: value * (value.dim() > 1) for name, value in params.items()}
        outputs = apply(block, zeroed, state, inputs, training=True)[0]
        torch.testing.assert_close(outputs, inputs.relu() if identity else torch.zeros_like(inputs))


def test_upsampling_blocks_are_always_residual_and_same_size_blocks_only_with_identity() -> None:
    for identity, kinds in ((False, [nn.Sequential, Residual]), (True, [Residual, Residual])):
        network = narrow_decoder((3, 32, 32), 64, identity)
        assert [type(network.get_submodule(f"{stage}.{place}")) for stage in (2, 3, 4) for place in (0, 1)] == 3 * kinds


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28), (2, 13, 22)])
def test_images_of_any_size_are_encoded_and_decoded(shape: tuple[int, ...]) -> None:
    assert maps(narrow_encoder(shape, 6, 8), shape)[-1] == (6,)
    assert maps(narrow_decoder(shape, 6, False, 8), (6,))[-1] == shape


def test_encoder_convolutions_are_normal_by_fan_out_and_decoder_ones_uniform() -> None:
    """The last 3 x 3 has 128 filters: deviation √(2 / 1152) = 1 / 24; 512 · 9 inputs of a transposed one: 4608^-½."""
    params, _ = initialize(narrow_encoder((3, 32, 32), 128), torch.Generator().manual_seed(0))
    assert params["6.1.path.3.weight"].std().item() == pytest.approx(1 / 24, rel=0.01)
    assert params["0.weight"].std().item() == pytest.approx((2 / 576) ** 0.5, rel=0.05)
    assert params["0.bias"].abs().max() <= 27**-0.5
    params, _ = initialize(narrow_decoder((3, 32, 32), 64), torch.Generator().manual_seed(0))
    assert 0.99 * 4608**-0.5 < params["2.0.0.weight"].abs().max() <= 4608**-0.5


def test_the_mlp_has_the_papers_widths_and_its_decoder_the_reverse() -> None:
    """784-500-500-2000-20 and 10-2000-500-500-784."""
    encoder, decoder = simvae_mlp((1, 28, 28), 20), simvae_mlp_decoder((1, 28, 28), 10)
    linear = [[layer.out_features for layer in net if isinstance(layer, nn.Linear)] for net in (encoder, decoder)]
    assert linear == [[500, 500, 2000, 20], [2000, 500, 500, 784]]
    assert size(encoder) == 784 * 500 + 500 + 500 * 500 + 500 + 500 * 2000 + 2000 + 2000 * 20 + 20
    assert [type(layer).__name__ for layer in decoder][-3:] == ["Linear", "Unflatten", "Sigmoid"]
    assert maps(decoder, (10,))[-1] == (1, 28, 28)


def test_a_width_scales_all_hidden_layers() -> None:
    assert simvae_mlp((6,), 3, 8)[1].out_features == 62
    assert [shape[0] for shape in maps(narrow_encoder((3, 32, 32), 7, 16), (3, 32, 32))[3:7]] == [16, 8, 16, 32]
    assert [shape[0] for shape in maps(narrow_decoder((3, 32, 32), 7, False, 16), (7,))[1:6]] == [128, 64, 32, 16, 16]


@pytest.mark.parametrize("decoder", [narrow_decoder((1, 8, 8), 3, False, 4), simvae_mlp_decoder((1, 8, 8), 3, 4)])
def test_decoded_images_are_between_0_and_1(decoder: nn.Sequential) -> None:
    params, state = initialize(decoder, torch.Generator().manual_seed(0))
    codes = 100 * torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    images = apply(decoder, params, state, codes, training=False)[0]
    assert 0 <= images.min() < images.max() <= 1
    torch.testing.assert_close(images, apply(decoder[:-1], params, state, codes, training=False)[0].sigmoid())
