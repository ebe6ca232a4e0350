"""Codes, reconstructions, posteriors, densities and views of the autoencoders."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.methods.aae import AdversarialAutoencoder
from ablate.methods.aavae import AAAE, AAVAE
from ablate.methods.autoencoders import Autoencoder, DenoisingAutoencoder, SparseAutoencoder
from ablate.methods.beta_vae import BetaVAE
from ablate.methods.capabilities import has_capability
from ablate.methods.crvae import CRVAE
from ablate.methods.deterministic_autoencoder import DeterministicAutoencoder
from ablate.methods.mirror import mirror
from ablate.methods.simvae import SimVAE
from ablate.methods.vae import VAE
from ablate.methods.variational_autoencoder import VariationalAutoencoder
from ablate.nets.functional import apply

RESNET: Mapping[str, Any] = {"network": "resnet18", "decoder": "resnet18", "width": 8, "latent_dim": 3}
GREY: Mapping[str, Any] = {"network": "simvae-mlp", "width": 2, "latent_dim": 3, "augmentation": "simvae-fashion-mnist"}
AnyAutoencoder = DeterministicAutoencoder | VariationalAutoencoder

METHODS: list[AnyAutoencoder] = [
    Autoencoder(latent_dim=3, network="simvae-mlp", width=2),
    SparseAutoencoder(latent_dim=3, network="simvae-mlp", width=2, output="sigmoid"),
    DenoisingAutoencoder(latent_dim=3, network="narrow", width=2),
    AdversarialAutoencoder(**RESNET, augmentation="normalized-cifar10"),
    VAE(**RESNET, augmentation="simclr-cifar10"),
    AAAE(**RESNET),
    AAVAE(**RESNET, likelihood_scale="learned"),
    BetaVAE(latent_dim=3, width=2),
    CRVAE(**GREY, likelihood="bernoulli"),
    SimVAE(**GREY, views=2),
]
VARIATIONAL = [method for method in METHODS if isinstance(method, VariationalAutoencoder)]


def class_name(method: AnyAutoencoder) -> str:
    return type(method).__name__


def images(method: AnyAutoencoder) -> Tensor:
    channels = 1 if isinstance(method, CRVAE | SimVAE) else 3
    return torch.rand(4, channels, 8, 8, generator=torch.Generator().manual_seed(0))


def initialized(method: AnyAutoencoder) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    info = DataInfo(tuple(images(method).shape[1:]), 40, 2, 4)
    method.check(info)
    params, state = method.init(info, torch.Generator().manual_seed(1))
    return dict(params), dict(state)


@pytest.mark.parametrize("method", METHODS, ids=class_name)
def test_decoded_images_have_the_shape_and_range_of_the_inputs(method: AnyAutoencoder) -> None:
    params, state = initialized(method)
    x = images(method)
    codes = method.code(params, state, x)
    assert codes.shape == (4, 3)
    restored = method.decode(params, state, 50 * codes)  # far from codes of inputs
    assert restored.shape == x.shape
    assert restored.min() >= 0
    assert restored.max() <= 1
    assert restored.unique().numel() > 2


@pytest.mark.parametrize("method", METHODS, ids=class_name)
def test_exported_tensors_suffice_for_coding_and_decoding(method: AnyAutoencoder) -> None:
    params, state = initialized(method)
    exported = {name: tensor for name, tensor in {**params, **state}.items() if name.startswith(method.exported)}
    codes = method.code(exported, exported, images(method))
    assert torch.equal(method.decode(exported, exported, codes), method.decode(params, state, codes))


@pytest.mark.parametrize("method", METHODS, ids=class_name)
def test_the_objectives_together_have_gradients_for_every_part(method: AnyAutoencoder) -> None:
    """And none changes the shape in the state."""
    params, state = initialized(method)
    batch = {"input": images(method)}
    noise = method.draw(batch, torch.Generator().manual_seed(2))
    trained = set()
    for objective in method.objectives:
        learned = {
            name: tensor.requires_grad_() for name, tensor in params.items() if name.startswith(objective.learns)
        }
        loss, _, after = getattr(method, objective.loss)(params, state, batch, noise)
        gradients = torch.autograd.grad(loss, [*learned.values()])
        trained |= {name.partition(".")[0] for name, slope in zip(learned, gradients, strict=True) if slope.any()}
        assert torch.equal(after["shape"], torch.tensor(images(method).shape[1:]))
    assert trained == {name.partition(".")[0] for name in params}


@pytest.mark.parametrize("method", VARIATIONAL, ids=class_name)
def test_codes_are_posterior_means_and_have_a_finite_log_likelihood(method: VariationalAutoencoder) -> None:
    params, state = initialized(method)
    x = images(method)
    mean, log_variance = method.posterior(params, state, x)
    assert mean.shape == log_variance.shape == (4, 3)
    assert torch.equal(method.code(params, state, x), mean)
    density = method.log_likelihood(params, state, x, mean)
    assert density.shape == (4,)
    assert density.isfinite().all()


@pytest.mark.parametrize("method", METHODS, ids=class_name)
def test_features_are_a_resnets_pooled_maps_or_else_the_codes(method: AnyAutoencoder) -> None:
    """A ResNet-18 of width 8 has 64 of them."""
    params, state = initialized(method)
    features = method.embed(params, state, images(method))
    if method.network == "resnet18":
        assert features.shape == (4, 64)
    else:
        assert torch.equal(features, method.code(params, state, images(method)))


def test_the_projection_has_batch_norm_and_no_bias_in_its_last_layer() -> None:
    params, _ = initialized(AAVAE(**RESNET))
    sizes = {name: tuple(tensor.shape) for name, tensor in params.items() if name.startswith("projection.")}
    assert sizes == {
        "projection.0.weight": (64, 64),
        "projection.0.bias": (64,),
        "projection.1.weight": (64,),
        "projection.1.bias": (64,),
        "projection.3.weight": (6, 64),
    }


@pytest.mark.parametrize("method", METHODS, ids=class_name)
def test_views_are_images_in_the_range_of_the_inputs(method: AnyAutoencoder) -> None:
    x = images(method)
    view = method.view(x, torch.Generator().manual_seed(0))
    assert view.shape == x.shape
    assert view.min() >= 0
    assert view.max() <= 1
    assert torch.equal(view, x) == (method.augmentation in ("none", "normalized-cifar10"))


def grey_images() -> Tensor:
    return torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def test_with_target_input_every_view_is_its_own_target() -> None:
    x = grey_images()
    method = SimVAE(**GREY, views=3)
    noise = method.draw({"input": x}, torch.Generator().manual_seed(1))
    inputs, target = method.pairs.make({"input": x}, noise)
    assert inputs.shape == (6, 1, 8, 8)
    assert target is inputs
    assert torch.equal(inputs[2:4], noise["view"][1])  # all second views follow all first ones


def test_with_target_clean_the_inputs_are_repeated_for_every_view() -> None:
    x = grey_images()
    method = SimVAE(**GREY, views=3, target="clean")
    _, target = method.pairs.make({"input": x}, method.draw({"input": x}, torch.Generator().manual_seed(1)))
    assert torch.equal(target, torch.cat([x, x, x]))


def test_views_of_digits_are_binary() -> None:
    x = grey_images()
    method = SimVAE(**{**GREY, "augmentation": "simvae-mnist"}, views=2)
    inputs, _ = method.pairs.make({"input": x}, method.draw({"input": x}, torch.Generator().manual_seed(1)))
    assert inputs.unique().tolist() == [0, 1]


def test_variational_autoencoders_alone_have_posteriors_and_densities() -> None:
    assert all(has_capability(type(method), "code") and has_capability(type(method), "view") for method in METHODS)
    for capability in ("posterior", "log_likelihood"):
        assert [method for method in METHODS if has_capability(type(method), capability)] == VARIATIONAL


@pytest.mark.parametrize("network", ["cnn", "narrow", "narrow-shortcuts", "simvae-mlp", "resnet18", "resnet50"])
@pytest.mark.parametrize("side", [7, 8, 28, 96])
def test_every_decoder_has_outputs_of_any_image_size(network: str, side: int) -> None:
    structure = mirror(network, (1, side, side), 2, 3)
    outputs, _ = apply(structure, {}, {}, torch.empty(2, 3, device="meta"), training=False)
    assert outputs.shape == (2, 1, side, side)
