"""Losses and features of the autoencoders, computed by hand for networks whose layers are identities with ReLUs."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods.autoencoders import (
    Autoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    bernoulli_divergence,
)
from ablate.methods.deterministic_autoencoder import DeterministicAutoencoder
from ablate.methods.method import Tensors
from ablate.methods.vae import VAE
from ablate.methods.variational_autoencoder import VariationalAutoencoder, normal_divergence

LN2, LN3, LN4 = math.log(2), math.log(3), math.log(4)
PLAIN: dict[str, Any] = {"latent_dim": 2, "batchnorm": False}
KINDS = pytest.mark.parametrize("kind", [Autoencoder, SparseAutoencoder, DenoisingAutoencoder, VAE])

AnyAutoencoder = DeterministicAutoencoder | VariationalAutoencoder


def identity_networks(method: AnyAutoencoder) -> tuple[dict[str, Tensor], Tensors]:
    """Parameters and state; weights are identity matrices and biases are zero, so layers pass on what ReLUs keep."""
    params, state = method.init(DataInfo((2,), 10, 2, 2), torch.Generator())
    identities = {n: torch.eye(*t.shape) if t.dim() == 2 else torch.zeros_like(t) for n, t in params.items()}
    return identities, state


def shown(method: AnyAutoencoder, params: Tensors, x: list[list[float]], **noise: Tensor) -> dict[str, float]:
    """The values that the loss shows for inputs x."""
    total, values, _ = method.loss(params, {}, {"input": torch.tensor(x, dtype=torch.float32)}, noise)
    assert values["loss"] is total
    return {name: value.item() for name, value in values.items()}


def test_the_squared_error_is_a_mean_over_batch_and_dimensions() -> None:
    """(1, 2) and (3, -4) are reconstructed as (1, 2) and (3, 0): 16 / 4."""
    method = Autoencoder(**PLAIN)
    assert shown(method, identity_networks(method)[0], [[1, 2], [3, -4]]) == {"loss": 4}


def test_the_features_are_the_code() -> None:
    method = Autoencoder(**PLAIN)
    params, state = identity_networks(method)
    params["encoder.5.bias"] = torch.tensor([-3.0, 0.5])
    assert method.embed(params, state, torch.tensor([[1.0, 2.0]])).tolist() == [[-2, 2.5]]


def test_a_sigmoid_is_applied_before_the_squared_error() -> None:
    """(ln 3, 0) is reconstructed as (3/4, 1/2)."""
    method = Autoencoder(**PLAIN, output="sigmoid")
    expected = ((LN3 - 0.75) ** 2 + 0.25) / 2
    assert shown(method, identity_networks(method)[0], [[LN3, 0]])["loss"] == pytest.approx(expected)


def test_reconstructions_of_corrupted_inputs_are_compared_with_the_uncorrupted_inputs() -> None:
    """Chances of 0.4 and 0.1 zero the 1 and the 4: (1 + 16) / 4."""
    method = DenoisingAutoencoder(**PLAIN, corruption=0.5)
    chance = torch.tensor([[0.4, 0.6], [0.9, 0.1]])
    assert shown(method, identity_networks(method)[0], [[1, 2], [3, 4]], chance=chance)["loss"] == pytest.approx(4.25)


def test_the_default_corruption_zeroes_a_fifth_of_all_components() -> None:
    batch = {"input": torch.ones(100, 100)}
    chance = DenoisingAutoencoder().draw(batch, torch.Generator().manual_seed(0))["chance"]
    assert (chance < 0.2).float().mean().item() == pytest.approx(0.2, abs=0.01)


def test_without_corruption_the_denoising_loss_is_the_plain_loss() -> None:
    method = DenoisingAutoencoder(**PLAIN, corruption=0.0)
    assert shown(method, identity_networks(method)[0], [[1, 2], [3, -4]], chance=torch.zeros(2, 2)) == {"loss": 4}


def test_the_sparse_loss_adds_the_divergence_of_mean_activations_from_rho() -> None:
    """Codes (0, 0) and (ln 3, 0) have activations (1/2, 1/2) and (3/4, 1/2), which are the reconstructions.

    Means 5/8 and 1/2: KL(1/2 ‖ 5/8) = ½ ln(4/5) + ½ ln(4/3) = ½ ln(16/15), and 0.
    """
    method = SparseAutoencoder(**PLAIN, sparsity=0.5, beta=2.0)
    error = (3 * 0.25 + (LN3 - 0.75) ** 2) / 4
    divergence = math.log(16 / 15) / 2
    values = shown(method, identity_networks(method)[0], [[0, 0], [LN3, 0]])
    assert values == pytest.approx(
        {"loss": error + 2 * divergence, "reconstruction": error, "divergence": divergence}, rel=1e-5
    )


def test_the_features_of_a_sparse_autoencoder_are_codes_not_activations() -> None:
    method = SparseAutoencoder(**PLAIN)
    params, state = identity_networks(method)
    assert method.embed(params, state, torch.tensor([[0.0, LN3]])).flatten().tolist() == pytest.approx([0, LN3])


def test_the_divergence_of_bernoulli_variables_by_hand() -> None:
    """KL(1/4 ‖ 1/2) = ¼ ln ½ + ¾ ln 3/2; zero for equal means; finite where a mean is 0."""
    found = bernoulli_divergence(0.25, torch.tensor([0.5, 0.25, 0.0]))
    assert found[:2].tolist() == pytest.approx([-LN2 / 4 + 0.75 * math.log(1.5), 0], abs=1e-7)
    assert 5 < found[2] < 10


def test_the_loss_of_the_vae_by_hand() -> None:
    """μ = x, σ² = (4, 1): codes (1, 2) + (2, -1) = (3, 1) and (0, 3) + (1, 0) = (1, 3).

    Half the squared errors: (4 + 1) / 2 and 1 / 2, mean 1.5.  KL: ½ (σ² + μ² - 1 - ln σ²) summed:
    ½ (4 + 1 - 1 - ln 4 + 4) = ½ (8 - ln 4) and ½ (4 - 1 - ln 4 + 9) = ½ (12 - ln 4), mean 5 - ln 2.
    """
    method = VAE(**PLAIN, beta=2.0)
    params, _ = identity_networks(method)
    params["encoder.5.bias"] = torch.tensor([0.0, 0.0, LN4, 0.0])
    values = shown(method, params, [[1, 2], [0, 3]], normal=torch.tensor([[1.0, -1.0], [0.5, 0.0]]))
    expected = {"loss": 1.5 + 2 * (5 - LN2), "reconstruction": 1.5, "divergence": 5 - LN2}
    assert values == pytest.approx(expected, rel=1e-5)


def test_the_features_of_the_vae_are_the_posterior_means() -> None:
    method = VAE(**PLAIN)
    params, state = identity_networks(method)
    params["encoder.5.bias"] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert method.embed(params, state, torch.zeros(1, 2)).tolist() == [[1, 2]]


def test_the_divergence_from_the_prior_equals_that_of_torch() -> None:
    mean, log_variance = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    prior = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    posterior = torch.distributions.Normal(mean, (log_variance / 2).exp())
    expected = torch.distributions.kl_divergence(posterior, prior).sum(1)
    torch.testing.assert_close(normal_divergence(mean, log_variance), expected)


@KINDS
def test_all_methods_draw_the_same_first_encoder_layer_from_a_seed(kind: Any) -> None:
    """So that seeds are paired across methods."""
    info = DataInfo((6,), 10, 2, 5)
    params, _ = kind(batchnorm=False).init(info, torch.Generator().manual_seed(0))
    plain, _ = Autoencoder().init(info, torch.Generator().manual_seed(0))
    assert torch.equal(params["encoder.1.weight"], plain["encoder.1.weight"])


def test_encoder_and_decoder_of_equal_shape_do_not_share_parameters() -> None:
    params, _ = Autoencoder(latent_dim=6).init(DataInfo((6,), 10, 2, 5), torch.Generator().manual_seed(0))
    assert params["encoder.1.weight"].shape == params["decoder.1.weight"].shape
    assert not torch.equal(params["encoder.1.weight"], params["decoder.1.weight"])


@KINDS
def test_convolutional_networks_train_on_images_and_update_running_statistics(kind: Any) -> None:
    method = kind(network="cnn", batchnorm=True, output="sigmoid", latent_dim=3)
    generator = torch.Generator().manual_seed(0)
    params, state = method.init(DataInfo((1, 8, 8), 10, 2, 2), generator)
    batch = {"input": torch.rand(2, 1, 8, 8, generator=generator)}
    _, values, after = method.loss(params, state, batch, method.draw(batch, generator))
    assert values["loss"].isfinite()
    assert after.keys() == state.keys()
    assert all(not torch.equal(after[name], state[name]) for name in state if "running" in name)
    assert method.embed(params, state, batch["input"]).shape == (2, 3)


def test_batch_norm_is_off_by_default_in_the_plain_autoencoder_and_on_in_the_others() -> None:
    assert not Autoencoder().batchnorm
    assert SparseAutoencoder().batchnorm
    assert DenoisingAutoencoder().batchnorm
    assert VAE().batchnorm


@pytest.mark.parametrize(
    ("settings", "info", "sentence"),
    [
        (
            {"network": "cnn"},
            DataInfo((2304,), 3000, 10, 256),
            "network 'cnn' needs images (C, H, W), the data are vectors (2304); use network 'mlp'",
        ),
        (
            {},
            DataInfo((64,), 200, 10, 256),
            "batch size 256 is larger than the 200 samples of the training set; use training.batch_size of at most 200",
        ),
        (
            {"batchnorm": True},
            DataInfo((64,), 200, 10, 1),
            "batch norm cannot work on batches of 1; use a larger training.batch_size or batchnorm false",
        ),
    ],
)
def test_impossible_settings_raise_study_errors(settings: dict[str, Any], info: DataInfo, sentence: str) -> None:
    with pytest.raises(StudyError) as raised:
        Autoencoder(**settings).check(info)
    assert str(raised.value) == sentence


def test_possible_settings_raise_nothing() -> None:
    Autoencoder().check(DataInfo((64,), 1, 0, 1))
    VAE(network="cnn").check(DataInfo((1, 28, 28), 60000, 10, 256))
