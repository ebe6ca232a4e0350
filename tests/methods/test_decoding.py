"""What the generative methods do besides embed: posteriors, codes, images from codes, views."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.methods.aae import AdversarialAutoencoder
from ablate.methods.aavae import AAAE, AAVAE
from ablate.methods.autoencoders import Autoencoder, DenoisingAutoencoder, SparseAutoencoder
from ablate.methods.capabilities import has_capability
from ablate.methods.crvae import CRVAE
from ablate.methods.mirror import mirror
from ablate.methods.simvae import SimVAE
from ablate.methods.vae import VAE, BetaVAE, Variational
from ablate.nets.functional import apply

RESNET: Mapping[str, Any] = {"network": "resnet18", "decoder": "resnet18", "width": 8, "latent_dim": 3}
GREY: Mapping[str, Any] = {"network": "simvae-mlp", "width": 2, "latent_dim": 3, "augmentation": "simvae-fashion-mnist"}
METHODS = [
    Autoencoder(latent_dim=3, network="simvae-mlp", width=2),
    SparseAutoencoder(latent_dim=3, network="simvae-mlp", width=2, output="sigmoid"),
    DenoisingAutoencoder(latent_dim=3, network="narrow", width=2),
    AdversarialAutoencoder(**RESNET, augmentation="normalized-cifar10"),
    VAE(**RESNET, augmentation="simclr-cifar10"),
    AAAE(**RESNET),
    AAVAE(**RESNET, scale="learned"),
    BetaVAE(latent_dim=3, width=2),
    CRVAE(**GREY, likelihood="bernoulli"),
    SimVAE(**GREY, views=2),
]
VARIATIONAL = [method for method in METHODS if isinstance(method, Variational)]


def named(method: Autoencoder) -> str:
    return type(method).__name__


def images(method: Autoencoder) -> Tensor:
    channels = 1 if isinstance(method, CRVAE | SimVAE) else 3
    return torch.rand(4, channels, 8, 8, generator=torch.Generator().manual_seed(0))


def drawn(method: Autoencoder) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    info = DataInfo(tuple(images(method).shape[1:]), 40, 2, 4)
    method.check(info)
    params, state = method.init(info, torch.Generator().manual_seed(1))
    return dict(params), dict(state)


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_images_come_back_in_the_range_they_had(method: Autoencoder) -> None:
    params, state = drawn(method)
    x = images(method)
    codes = method.code(params, state, x)
    assert codes.shape == (4, 3)
    restored = method.decode(params, state, 50 * codes)  # far from what the decoder has seen
    assert restored.shape == x.shape
    assert restored.min() >= 0
    assert restored.max() <= 1
    assert restored.unique().numel() > 2


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_all_that_decoding_needs_is_kept(method: Autoencoder) -> None:
    params, state = drawn(method)
    kept = {name: tensor for name, tensor in {**params, **state}.items() if name.startswith(method.exported)}
    codes = method.code(kept, kept, images(method))
    assert torch.equal(method.decode(kept, kept, codes), method.decode(params, state, codes))


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_a_step_learns_every_part(method: Autoencoder) -> None:
    """Each loss has gradients; running statistics move, and the shape stays."""
    params, state = drawn(method)
    batch = {"input": images(method)}
    noise = method.draw(batch, torch.Generator().manual_seed(2))
    moved = set()
    for objective in method.objectives:
        learned = {
            name: tensor.requires_grad_() for name, tensor in params.items() if name.startswith(objective.learns)
        }
        loss, _, after = getattr(method, objective.loss)(params, state, batch, noise)
        gradients = torch.autograd.grad(loss, [*learned.values()])
        moved |= {name.partition(".")[0] for name, slope in zip(learned, gradients, strict=True) if slope.any()}
        assert torch.equal(after["shape"], torch.tensor(images(method).shape[1:]))
    assert moved == {name.partition(".")[0] for name in params}


@pytest.mark.parametrize("method", VARIATIONAL, ids=named)
def test_codes_are_the_posteriors_means_and_have_a_density(method: Variational) -> None:
    params, state = drawn(method)
    x = images(method)
    mean, log_variance = method.posterior(params, state, x)
    assert mean.shape == log_variance.shape == (4, 3)
    assert torch.equal(method.code(params, state, x), mean)
    density = method.log_likelihood(params, state, x, mean)
    assert density.shape == (4,)
    assert density.isfinite().all()


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_features_are_a_residual_networks_own(method: Autoencoder) -> None:
    """Of 64 dimensions where the width is 8; elsewhere they are the codes."""
    params, state = drawn(method)
    features = method.embed(params, state, images(method))
    if method.network == "resnet18":
        assert features.shape == (4, 64)
    else:
        assert torch.equal(features, method.code(params, state, images(method)))


def test_the_projection_has_batch_norm_within_and_no_bias_at_its_end() -> None:
    params, _ = drawn(AAVAE(**RESNET))
    sizes = {name: tuple(tensor.shape) for name, tensor in params.items() if name.startswith("projection.")}
    assert sizes == {
        "projection.0.weight": (64, 64),
        "projection.0.bias": (64,),
        "projection.1.weight": (64,),
        "projection.1.bias": (64,),
        "projection.3.weight": (6, 64),
    }


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_views_are_images_that_can_be_embedded(method: Autoencoder) -> None:
    x = images(method)
    seen = method.view(x, torch.Generator().manual_seed(0))
    assert seen.shape == x.shape
    assert seen.min() >= 0
    assert seen.max() <= 1
    assert torch.equal(seen, x) == (method.augmentation in ("none", "normalized-cifar10"))


def test_a_view_is_the_target_where_the_paper_has_it_so() -> None:
    x = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    method = SimVAE(**GREY, views=3)
    noise = method.draw({"input": x}, torch.Generator().manual_seed(1))
    seen, target = method.pair({"input": x}, noise)
    assert seen.shape == (6, 1, 8, 8)
    assert target is seen
    assert torch.equal(seen[2:4], noise["view"][1])  # view after view
    clean = method.pair({"input": x}, noise)[1] if method.target == "clean" else noise["clean"]
    assert torch.equal(clean, x)


def test_a_clean_target_is_repeated_for_every_view() -> None:
    x = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    method = SimVAE(**GREY, views=3, target="clean")
    _, target = method.pair({"input": x}, method.draw({"input": x}, torch.Generator().manual_seed(1)))
    assert torch.equal(target, torch.cat([x, x, x]))


def test_digits_are_made_binary_after_augmentation() -> None:
    x = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    method = SimVAE(**{**GREY, "augmentation": "simvae-mnist"}, views=2)
    seen, _ = method.pair({"input": x}, method.draw({"input": x}, torch.Generator().manual_seed(1)))
    assert seen.unique().tolist() == [0, 1]


def test_roles_are_those_that_make_sense() -> None:
    assert all(has_capability(type(method), "code") and has_capability(type(method), "view") for method in METHODS)
    assert [has_capability(type(m), "posterior") for m in METHODS] == [isinstance(m, Variational) for m in METHODS]
    assert [has_capability(type(m), "log_likelihood") for m in METHODS] == [isinstance(m, Variational) for m in METHODS]


@pytest.mark.parametrize("network", ["cnn", "narrow", "narrow-shortcuts", "simvae-mlp", "resnet18", "resnet50"])
@pytest.mark.parametrize("side", [7, 8, 28, 96])
def test_every_decoder_gives_images_of_any_size(network: str, side: int) -> None:
    structure = mirror(network, (1, side, side), 2, 3)
    given, _ = apply(structure, {}, {}, torch.empty(2, 3, device="meta"), training=False)
    assert given.shape == (2, 1, side, side)
