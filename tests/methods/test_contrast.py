"""The base classes of methods on augmented views: networks by name, heads, views, refusals."""

from typing import Any

import pytest
import torch

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods.backbone import backbone, feature_dim
from ablate.methods.contrast import ImageEncoder
from ablate.methods.moco import MoCo, MoCoV2
from ablate.methods.simclr import SimCLR
from ablate.methods.supervised import Supervised
from ablate.methods.swav import SwAV
from ablate.methods.untrained import Random
from ablate.methods.vicreg import VICReg
from ablate.nets.functional import apply
from ablate.nets.init import initialize

NETWORKS = ("mlp", "simvae-mlp", "cnn", "narrow", "resnet18", "resnet34", "resnet50")
ALL = pytest.mark.parametrize("kind", [SimCLR, Supervised, MoCo, MoCoV2, SwAV, VICReg, Random])
SHAPES = {
    "cifar10": (3, 32, 32),
    "cifar10-jpeg": (3, 32, 32),
    "stl10": (3, 96, 96),
    "celeba": (3, 64, 64),
    "digits": (1, 8, 8),
}  # else 28 x 28


@pytest.mark.parametrize("network", NETWORKS)
def test_feature_dim_is_the_dimension_of_the_features(network: str) -> None:
    structure = backbone(network, (3, 16, 16), 2, 5)
    params, state = initialize(structure, torch.Generator().manual_seed(0))
    features, _ = apply(structure, params, state, torch.rand(2, 3, 16, 16), training=False)
    assert features.shape == (2, feature_dim(network, 2, 5))


@pytest.mark.parametrize(("network", "side"), [("resnet18", 1), ("resnet50", 2)])
def test_pooling_the_flattened_maps_gives_the_features(network: Any, side: int) -> None:
    method = SimCLR(network=network, width=2)
    shape = 3, 8 * side, 8 * side
    params, state = method.init(DataInfo(shape, 10, 2, 4), torch.Generator().manual_seed(0))
    images = torch.rand(2, *shape, generator=torch.Generator().manual_seed(1))
    maps = method.maps(params, state, images)
    assert maps.shape == (2, method.features * side**2)
    pooled = maps.unflatten(1, (method.features, -1)).mean(2)
    torch.testing.assert_close(pooled, method.embed(params, state, images))


def test_maps_of_a_network_without_pooling_are_its_features() -> None:
    method = SimCLR(network="mlp", augmentation="simclr-grey", latent_dim=4)
    params, state = method.init(DataInfo((1, 4, 4), 10, 2, 4), torch.Generator().manual_seed(0))
    images = torch.rand(2, 1, 4, 4)
    assert torch.equal(method.maps(params, state, images), method.embed(params, state, images))


def test_images_above_64_pixels_have_the_7x7_stem() -> None:
    sizes = [next(backbone("resnet18", (3, side, side), 2, 5).parameters()).shape[-1] for side in (32, 64, 96)]
    assert sizes == [3, 3, 7]


def test_features_are_taken_before_the_head() -> None:
    method = SimCLR(network="resnet18", width=2, head_dim=3)
    generator = torch.Generator().manual_seed(0)
    params, state = method.init(DataInfo((3, 8, 8), 10, 3, 4), generator)
    images = torch.rand(4, 3, 8, 8, generator=generator)
    projections, _ = method.project(params, state, method.draw({"input": images}, generator)["view"])
    assert projections.shape == (2, 4, 3)
    assert method.embed(params, state, images).shape == (4, 16)
    assert "head.3.bias" not in params  # the last map has no bias, the others do
    assert params["head.0.weight"].shape == (16, 16)


def test_both_views_are_normalized_together() -> None:
    method = SimCLR(network="narrow", width=2, latent_dim=3, proj_head=False, augmentation="none")
    generator = torch.Generator().manual_seed(0)
    params, state = method.init(DataInfo((3, 8, 8), 10, 3, 4), generator)
    views = torch.rand(2, 4, 3, 8, 8, generator=generator)
    projections, after = method.project(params, state, views)
    once, _ = method.project(params, state, views.flatten(0, 1)[None])
    torch.testing.assert_close(projections.flatten(0, 1), once[0])
    assert all(not torch.equal(after[name], tensor) for name, tensor in state.items())


def test_the_two_views_of_an_image_differ() -> None:
    method = SimCLR(augmentation="simclr-grey", strength=3)
    first, second = method.draw({"input": torch.rand(4, 1, 16, 16)}, torch.Generator().manual_seed(0))["view"]
    assert first.shape == (4, 1, 16, 16)
    assert not torch.equal(first, second)


@ALL
def test_the_options_of_every_data_set_work_on_its_images(kind: Any) -> None:
    for name, settings in {"cifar10": {}, **kind.datasets}.items():
        kind(**settings).check(DataInfo(SHAPES.get(name, (1, 28, 28)), 10_000, 10, 512))


@ALL
def test_colour_pipelines_refuse_grey_images(kind: Any) -> None:
    with pytest.raises(StudyError):
        kind(augmentation="simclr-cifar10").check(DataInfo((1, 28, 28), 1000, 10, 64))


@ALL
def test_an_unknown_pipeline_gets_a_suggestion(kind: Any) -> None:
    with pytest.raises(StudyError, match="did you mean 'simclr-cifar10'"):
        kind(augmentation="simclr-cifar").check(DataInfo((3, 32, 32), 1000, 10, 64))


@pytest.mark.parametrize("kind", [SimCLR, MoCo, MoCoV2, SwAV, VICReg])
def test_batches_of_one_are_refused(kind: Any) -> None:
    with pytest.raises(StudyError, match="batches of 1 hold nothing to contrast with"):
        kind().check(DataInfo((3, 32, 32), 1000, 10, 1))


def test_convolutional_networks_refuse_vectors() -> None:
    method: ImageEncoder = Random(network="narrow", augmentation="none")
    with pytest.raises(StudyError, match=r"network 'narrow' needs images \(C, H, W\), the data are vectors \(12\)"):
        method.check(DataInfo((12,), 1000, 10, 16))


def test_a_view_is_an_image_in_the_range_that_embed_takes() -> None:
    """It is in [0, 1], because `embed` normalizes."""
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    view = SimCLR(network="resnet18", width=2).view(images, torch.Generator().manual_seed(1))
    assert view.shape == images.shape
    assert (view.min() >= 0, view.max() <= 1) == (True, True)
