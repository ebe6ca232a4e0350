"""ResNets equal torchvision's except for the stem, and are initialized as in the papers."""

import pytest
import torch
from torch import Tensor, nn

from ablate.nets.functional import apply
from ablate.nets.init import initialize
from ablate.nets.resnet import resnet, resnet_dim, stem_for

NAMES = ("resnet18", "resnet34", "resnet50")


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def torchvisions(name: str, stem: str) -> nn.Module:
    """Torchvision's network without classifier and max pooling, with the given stem."""
    from torchvision import models  # takes eight seconds

    network: nn.Module = getattr(models, name)()
    if stem == "3x3":
        network.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    network.maxpool, network.fc = nn.Identity(), nn.Identity()
    return network


def values(module: nn.Module) -> list[Tensor]:
    """The module's tensors in order, without the count of batches."""
    return [tensor for name, tensor in module.state_dict().items() if not name.endswith("num_batches_tracked")]


@pytest.mark.parametrize("stem", ["3x3", "7x7"])
@pytest.mark.parametrize("name", NAMES)
def test_parameter_shapes_equal_torchvisions(name: str, stem: str) -> None:
    with torch.device("meta"):
        theirs = torchvisions(name, stem)
    assert [tuple(v.shape) for v in values(resnet(name, 3, stem))] == [tuple(v.shape) for v in values(theirs)]


@pytest.mark.parametrize(
    ("name", "classified"), [("resnet18", 11_689_512), ("resnet34", 21_797_672), ("resnet50", 25_557_032)]
)
def test_numbers_of_parameters_are_the_published_ones_minus_classifier_and_stem(name: str, classified: int) -> None:
    """ImageNet's classifier has 1000 (d + 1) parameters; a 3 x 3 stem instead of 7 x 7 saves 64 x 3 x 40."""
    assert size(resnet(name, 3, "7x7")) == classified - 1000 * (resnet_dim(name) + 1)
    assert size(resnet(name, 3, "3x3")) == size(resnet(name, 3, "7x7")) - 7680


@pytest.mark.slow
@pytest.mark.parametrize("stem", ["3x3", "7x7"])
@pytest.mark.parametrize("name", NAMES)
def test_outputs_equal_torchvisions_in_both_modes(name: str, stem: str) -> None:
    theirs, ours = torchvisions(name, stem), resnet(name, 3, stem)
    params, state = initialize(ours, torch.Generator().manual_seed(0))
    drawn = iter(values(theirs))
    tensors = {key: next(drawn).detach().clone() for key in ours.state_dict()}
    params, state = {key: tensors[key] for key in params}, {key: tensors[key] for key in state}
    images = normal(4, 3, 32, 32)
    with torch.no_grad():
        for training in (True, False):  # training first, so that running statistics are not trivial
            mine, after = apply(ours, params, state, images, training=training, tracking=True)
            torch.testing.assert_close(mine, theirs.train(training)(images), rtol=1e-4, atol=1e-4)
            state = dict(after)
    for key, expected in zip(ours.state_dict(), values(theirs), strict=True):
        if key in state:
            torch.testing.assert_close(state[key], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("stem", "side", "sides"), [("3x3", 32, [32, 32, 16, 8, 4]), ("7x7", 96, [48, 48, 24, 12, 6])])
def test_map_sizes_of_resnet_50(stem: str, side: int, sides: list[int]) -> None:
    maps, seen = torch.empty(2, 3, side, side, device="meta"), []
    network = resnet("resnet50", 3, stem)
    for layer in network[:-1]:
        maps = layer(maps)
        seen += [tuple(maps.shape[1:])] if isinstance(layer, nn.ReLU | nn.Sequential) else []
    assert seen == [(c, s, s) for c, s in zip((64, 256, 512, 1024, 2048), sides, strict=True)]
    assert network[-1](maps).shape == (2, 2048)


def test_the_stride_of_a_bottleneck_is_in_its_3_x_3_convolution() -> None:
    strided = [layer for layer in resnet("resnet50", 3, "3x3").modules() if getattr(layer, "stride", None) == (2, 2)]
    assert [layer.kernel_size for layer in strided if isinstance(layer, nn.Conv2d)] == 3 * [(3, 3), (1, 1)]


@pytest.mark.parametrize(("name", "width", "dim"), [("resnet50", 64, 2048), ("resnet18", 64, 512), ("resnet34", 2, 16)])
def test_feature_dim_is_the_output_size_of_the_network(name: str, width: int, dim: int) -> None:
    assert resnet_dim(name, width) == dim
    assert resnet(name, 1, "3x3", width)(torch.empty(2, 1, 8, 8, device="meta")).shape == (2, dim)


def test_the_stem_halves_images_of_more_than_64_pixels() -> None:
    assert [stem_for((3, side, side)) for side in (28, 32, 64, 96)] == ["3x3", "3x3", "3x3", "7x7"]


def test_convolutions_are_initialized_by_fan_out_and_batch_norm_as_the_identity() -> None:
    """The first 3 x 3 of the second stage: 128 filters over 64 channels, variance 2 / (9 * 128) = 1 / 576."""
    params, _ = initialize(resnet("resnet18", 3, "3x3"), torch.Generator().manual_seed(0))
    weight = params["4.0.path.0.weight"]
    assert weight.shape == (128, 64, 3, 3)
    assert weight.std().item() == pytest.approx(1 / 24, rel=0.01)
    assert weight.abs().max() > 4 / 24, "uniform weights would end at √3 / 24"
    assert params["0.weight"].std().item() == pytest.approx(1 / 288**0.5, rel=0.05)
    assert all((params[f"1.{name}"] == value).all() for name, value in (("weight", 1), ("bias", 0)))
    assert not any(name.endswith("0.bias") for name in params), "no convolution has a bias"
