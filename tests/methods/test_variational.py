"""Terms of the variational autoencoders, computed by hand for networks whose layers are identities with ReLUs."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods.aavae import AAVAE
from ablate.methods.beta_vae import BetaVAE
from ablate.methods.crvae import CRVAE, gaussian_divergence
from ablate.methods.method import Tensors
from ablate.methods.observation_models import bernoulli_likelihood, gaussian_likelihood
from ablate.methods.simvae import SimVAE
from ablate.methods.vae import VAE
from ablate.methods.variational_autoencoder import VariationalAutoencoder, normal_divergence
from ablate.options import build
from ablate.train.recipe import Recipe

LN2, LN3, LN4, LN2PI = math.log(2), math.log(3), math.log(4), math.log(2 * math.pi)
SMALL: dict[str, Any] = {"latent_dim": 2, "network": "simvae-mlp", "width": 2, "augmentation": "none"}
LINEAR: dict[str, Any] = {**SMALL, "output": "linear"}


def identity_networks(
    method: VariationalAutoencoder, log_variance: tuple[float, float] = (0.0, 0.0)
) -> dict[str, Tensor]:
    """Weights are identity matrices, so that μ = x where x ≥ 0; biases are zero but for a constant log σ²."""
    params, _ = method.init(DataInfo((2,), 10, 2, 2), torch.Generator())
    identities = {n: torch.eye(*t.shape) if t.dim() == 2 else torch.zeros_like(t) for n, t in params.items()}
    return {**identities, "encoder.7.bias": torch.tensor([0.0, 0.0, *log_variance])}


def shown(method: VariationalAutoencoder, params: Tensors, x: list[list[float]], **noise: Tensor) -> dict[str, float]:
    """The values that the loss shows for inputs x."""
    _, values, _ = method.loss(params, {}, {"input": torch.tensor(x)}, noise)
    return {name: value.item() for name, value in values.items()}


# Observation models


def test_the_gaussian_log_likelihood_includes_its_constants() -> None:
    """Of (1, 2) around 0 with variance 4: -½ (5/4 + 2 ln 4 + 2 ln 2π)."""
    found = gaussian_likelihood(torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2), torch.tensor(LN4))
    assert found.tolist() == pytest.approx([-0.5 * (1.25 + 2 * LN4 + 2 * LN2PI)])


def test_the_bernoulli_log_likelihood_is_summed_over_dimensions() -> None:
    """Odds 3 and 1 for (1, 0): ln 3/4 + ln 1/2."""
    found = bernoulli_likelihood(torch.tensor([[1.0, 0.0]]), torch.tensor([[LN3, 0.0]]))
    assert found.tolist() == pytest.approx([math.log(3 / 8)])


def test_the_bernoulli_log_likelihood_is_finite_for_extreme_log_odds() -> None:
    assert bernoulli_likelihood(torch.tensor([[1.0]]), torch.tensor([[-200.0]])).tolist() == [-200]


def test_the_squared_error_is_divided_by_twice_the_likelihood_variance() -> None:
    """(1, 2) is reconstructed as (1, 2) + (2, -1): 5 / (2 · 0.1)."""
    method = VAE(**LINEAR, likelihood_variance=0.1)
    found = shown(method, identity_networks(method), [[1.0, 2.0]], normal=torch.tensor([[2.0, -1.0]]))
    assert found["reconstruction"] == pytest.approx(25)


def test_the_cross_entropy_is_divided_by_the_likelihood_variance() -> None:
    """The code (ln 3, 0) gives odds 3 and 1 for (1, 0): ln 8/3, over 0.1."""
    method = VAE(**SMALL, output="sigmoid", likelihood="bernoulli", likelihood_variance=0.1)
    found = shown(method, identity_networks(method), [[1.0, 0.0]], normal=torch.tensor([[LN3 - 1, 0.0]]))
    assert found["reconstruction"] == pytest.approx(10 * math.log(8 / 3))


def test_log_likelihoods_of_inputs_given_codes_are_normalized() -> None:
    """Gaussian of (1, 2) given (0, 1), s = 2: squares 2, over 4; odds 1 and e of (1, 0): -ln 2 - ln(1 + e), no s."""
    codes = torch.tensor([[0.0, 1.0]])
    gaussian = VAE(**LINEAR, likelihood_variance=2.0)
    found = gaussian.log_likelihood(identity_networks(gaussian), {}, torch.tensor([[1.0, 2.0]]), codes)
    assert found.tolist() == pytest.approx([-2 / 4 - LN2 - LN2PI])
    bernoulli = VAE(**SMALL, output="sigmoid", likelihood="bernoulli", likelihood_variance=0.1)
    found = bernoulli.log_likelihood(identity_networks(bernoulli), {}, torch.tensor([[1.0, 0.0]]), codes)
    assert found.tolist() == pytest.approx([-LN2 - math.log(1 + math.e)])


# AAVAE


def test_aavae_reconstructs_the_clean_image_from_the_code_of_a_view() -> None:
    """The view (3, 0) is its code, up to the 1e-6 added to σ; its squared distance from (1, 2) is 8: 4 + ln 2π."""
    method = AAVAE(**LINEAR, decoder="mirror")
    noise = {"view": torch.tensor([[[3.0, 0.0]]]), "clean": torch.tensor([[1.0, 2.0]]), "normal": torch.zeros(1, 2)}
    found = shown(method, identity_networks(method), [[9.0, 9.0]], **noise)
    assert found["loss"] == found["reconstruction"] == pytest.approx(4 + LN2PI)


def test_running_statistics_of_aavae_hold_the_clean_image_too_where_the_option_says_so() -> None:
    """As in the authors' code: after the view (mean 3) the clean image (mean 1), each with a weight of 0.1."""
    settings: dict[str, Any] = {"network": "resnet18", "decoder": "resnet18", "width": 2, "latent_dim": 2}
    options = [AAVAE(**settings), AAVAE(**settings, bn_update_on="all")]
    params, state = options[0].init(DataInfo((3, 8, 8), 10, 2, 4), torch.Generator().manual_seed(0))
    batch = {"input": torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))}
    noise = options[0].draw(batch, torch.Generator().manual_seed(2))
    alone, both = (method.loss(params, state, batch, noise) for method in options)
    assert torch.equal(alone[0], both[0])
    name = "encoder.1.running_mean"
    _, after = options[0].networks.encode(params, state, noise["clean"], training=True, tracking=True)
    torch.testing.assert_close(both[2][name], 0.9 * alone[2][name] + after[name])
    decoders = [name for name in state if name.startswith("decoder.")]
    assert all(torch.equal(alone[2][name], both[2][name]) for name in decoders)


def test_the_divergence_of_aavae_is_weighted_by_beta() -> None:
    """½ (9 + 0) of μ = (3, 0) and σ = 1."""
    method = AAVAE(**LINEAR, decoder="mirror", beta=10.0)
    found = shown(method, identity_networks(method), [[3.0, 0.0]], normal=torch.zeros(1, 2))
    assert found == pytest.approx({"loss": LN2PI + 45, "reconstruction": LN2PI, "divergence": 4.5}, abs=1e-4)


def test_logscale_is_the_log_variance_of_the_likelihood() -> None:
    """-log N((1, 2); (3, 0), 4) = ½ (8/4 + 2 ln 4 + 2 ln 2π)."""
    method = AAVAE(**LINEAR, decoder="mirror", logscale=LN4)
    found = shown(method, identity_networks(method), [[1.0, 2.0]], normal=torch.tensor([[2.0, -2.0]]))
    assert found["reconstruction"] == pytest.approx(1 + LN4 + LN2PI, rel=1e-5)
    density = method.log_likelihood(
        identity_networks(method), {}, torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 0.0]])
    )
    assert density.item() == pytest.approx(-1 - LN4 - LN2PI, rel=1e-5)


def test_the_gradient_of_a_learned_logscale_by_hand() -> None:
    """½ (D - squares / s) for D = 2, squares 8, and s = 1 or 16: 1 - 4 and 1 - ¼."""
    for start, slope in ((0.0, -3.0), (math.log(16), 0.75)):
        method = AAVAE(**LINEAR, decoder="mirror", likelihood_scale="learned", logscale=start)
        params, _ = method.init(DataInfo((2,), 10, 2, 2), torch.Generator())
        assert params["logscale"].item() == pytest.approx(start)
        logscale = params["logscale"].requires_grad_()
        batch, noise = {"input": torch.tensor([[1.0, 2.0]])}, {"normal": torch.tensor([[2.0, -2.0]])}
        loss, _, _ = method.loss({**identity_networks(method), "logscale": logscale}, {}, batch, noise)
        assert torch.autograd.grad(loss, logscale)[0].item() == pytest.approx(slope, rel=1e-4)


def test_a_fixed_logscale_is_not_a_parameter() -> None:
    assert "logscale" not in identity_networks(AAVAE(**LINEAR, decoder="mirror"))


def test_the_posterior_deviation_of_aavae_is_at_least_its_floor() -> None:
    mean, log_variance = AAVAE().mean_and_log_variance(torch.tensor([[1.0, -2000.0]]))
    assert mean.tolist() == [[1.0]]
    assert (log_variance / 2).exp().item() == pytest.approx(1e-6)


# β-VAE and CR-VAE


def test_beta_vae_sums_over_the_batch_where_vae_averages() -> None:
    """Squared errors of the two views are 1 and 3: 5 and 15 when divided by 2 s."""
    noise = {"view": torch.tensor([[[0.0, 0.0], [1.0, 0.0]]]), "clean": torch.full((2, 2), 9.0)}
    noise["normal"] = torch.tensor([[1.0, 0.0], [1.0, math.sqrt(2)]])
    for reduction, expected in (("sum", 20.0), ("mean", 10.0)):
        method = build(BetaVAE, {**LINEAR, "likelihood_variance": 0.1, "reduction": reduction})
        found = shown(method, identity_networks(method), [[9.0, 9.0], [9.0, 9.0]], **noise)
        assert found["reconstruction"] == pytest.approx(expected)
    assert BetaVAE().reduction == "sum"
    assert VAE().reduction == "mean"


def test_entropy_scale_multiplies_the_log_variance_in_the_divergence() -> None:
    """½ (μ² + σ² - 1 - c ln σ²) for μ = 1, σ² = 4: 2 - c ln 2."""
    one, four = torch.ones(1, 1), torch.full((1, 1), LN4)
    assert normal_divergence(one, four).item() == pytest.approx(2 - LN2)
    assert normal_divergence(one, four, 2 * math.pi).item() == pytest.approx(2 - 2 * math.pi * LN2, abs=1e-6)


def test_the_divergence_of_two_gaussians_by_hand() -> None:
    """KL(N(1, 4) ‖ N(0, 1)) = ½ (4 + 1 - 1 - ln 4), reversed ½ (¼ + ¼ - 1 + ln 4); summed over dimensions."""
    wide = torch.tensor([[1.0, 1.0]]), torch.tensor([[LN4, LN4]])
    narrow = torch.zeros(1, 2), torch.zeros(1, 2)
    assert gaussian_divergence(wide, narrow).tolist() == pytest.approx([4 - LN4])
    assert gaussian_divergence(narrow, wide).tolist() == pytest.approx([-0.5 + LN4])


def test_consistency_is_the_divergence_of_the_second_view_from_the_first() -> None:
    """KL(N(1, 4) ‖ N(0, 1)) = 2 - ln 2, where the second view has N(1, 4)."""
    mean, log_variance = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [LN4]])
    term = CRVAE(consistency=0.3).terms(mean, log_variance, mean)["consistency"]
    assert term.weight == 0.3
    assert term.values.tolist() == pytest.approx([2 - LN2])


def test_consistency_is_averaged_over_a_batch_whose_other_terms_are_summed() -> None:
    """The next test twice: all terms double, but for the mean divergence between views, 2.5."""
    method = CRVAE(**LINEAR)
    views = torch.tensor([[[2.0, 0.0]] * 2, [[0.0, 1.0]] * 2])
    noise = {"view": views, "clean": torch.full((2, 2), 9.0), "normal": torch.zeros(4, 2)}
    found = shown(method, identity_networks(method), [[9.0, 9.0]] * 2, **noise)
    assert found == pytest.approx({"loss": 5.25, "reconstruction": 0, "divergence": 5, "consistency": 2.5})
    mean = shown(CRVAE(**LINEAR, reduction="mean"), identity_networks(method), [[9.0, 9.0]] * 2, **noise)
    assert mean == pytest.approx({"loss": 2.75, "reconstruction": 0, "divergence": 2.5, "consistency": 2.5})


def test_the_loss_of_cr_vae_is_that_of_both_views_and_their_divergence() -> None:
    """Views (2, 0) and (0, 1) are reconstructed exactly: KL from the prior 2 + ½, between them (4 + 1) / 2, λ = 0.1."""
    method = CRVAE(**LINEAR)
    noise = {"view": torch.tensor([[[2.0, 0.0]], [[0.0, 1.0]]]), "clean": torch.full((1, 2), 9.0)}
    found = shown(method, identity_networks(method), [[9.0, 9.0]], **noise, normal=torch.zeros(2, 2))
    assert found == pytest.approx({"loss": 2.75, "reconstruction": 0, "divergence": 2.5, "consistency": 2.5})


# SimVAE

# Two images with two views each, (1, 2) twice and (3, 0) twice.  σ = (2, 1); codes of the first (2, 2) and (0, 4), of
# the second (3, 0) and (3, 0).  Half the squares: (1 + 0) / 2 and (1 + 4) / 2, and 0.  Around its mean (1, 3) the first
# has squared distances 1 + 1 + 1 + 1, the second 0.  The entropy of each view is ½ ln 4 = ln 2.
NORMAL = torch.tensor([[0.5, 0.0], [0.0, 0.0], [-0.5, 2.0], [0.0, 0.0]])  # view after view
IMAGES = [[1.0, 2.0], [3.0, 0.0]]


def simvae(**settings: Any) -> dict[str, float]:
    method = SimVAE(**{**LINEAR, "views": 2, "likelihood_variance": 1.0, "prior_variance": 0.25, **settings})
    return shown(method, identity_networks(method, (LN4, 0.0)), IMAGES, normal=NORMAL)


def test_the_prior_term_is_the_scatter_of_codes_around_their_images_mean() -> None:
    """4 / (2 · ¼)."""
    expected = {"loss": 3 - 4 * LN2 + 8, "reconstruction": 3, "prior": 8, "entropy": 4 * LN2}
    assert simvae() == pytest.approx(expected, rel=1e-5)


def test_a_gaussian_cluster_prior_adds_half_the_squared_means() -> None:
    """Half the squares of (1, 3) and (3, 0): 5 and 4.5."""
    assert simvae(cluster_prior="gaussian")["prior"] == pytest.approx(8 + 9.5)


def test_reduction_mean_divides_by_the_number_of_images() -> None:
    assert simvae(reduction="mean")["loss"] == pytest.approx((11 - 4 * LN2) / 2)


def test_entropy_scale_multiplies_the_entropy() -> None:
    assert simvae(entropy_scale=2 * math.pi)["loss"] == pytest.approx(11 - 8 * math.pi * LN2, rel=1e-5)


def test_the_loss_falls_as_the_posterior_variance_grows() -> None:
    """With the entropy's sign of Algorithm 1 the posterior variance would vanish."""
    method = SimVAE(**{**LINEAR, "views": 2})
    bias = torch.zeros(4, requires_grad=True)
    params = {**identity_networks(method), "encoder.7.bias": bias}
    loss, _, _ = method.loss(params, {}, {"input": torch.tensor(IMAGES)}, {"normal": torch.zeros(4, 2)})
    assert torch.autograd.grad(loss, bias)[0][2:].tolist() == [-2, -2]  # ½ for each of four views


def test_the_batch_size_of_simvae_counts_views() -> None:
    assert SimVAE().samples(128) == 12
    assert SimVAE(views=2).samples(128) == 64
    assert BetaVAE().samples(128) == CRVAE().samples(128) == 128


def test_the_defaults_are_those_of_the_papers() -> None:
    recipe = build(Recipe, SimVAE.recipe)
    assert (recipe.epochs, recipe.batch_size, recipe.learning_rate, recipe.adam_epsilon) == (400, 128, 8e-5, 1e-4)
    assert recipe.rate(0.0) == recipe.rate(0.99)
    recipe = build(Recipe, {**AAVAE.recipe, "batch_size": 512})
    assert recipe.rate(0.5) == pytest.approx(5e-4)  # as for STL-10
    assert (AAVAE().beta, AAVAE().logscale, AAVAE().latent_dim) == (0, 0, 128)
    assert 2 * SimVAE().likelihood_variance == pytest.approx(0.02, rel=0.01)


@pytest.mark.parametrize(
    ("method", "shape", "batch_size", "sentence"),
    [
        (
            SimVAE(views=10),
            (3, 32, 32),
            9,
            "a batch holds fewer than the 10 views of one image; "
            "use training.batch_size of at least 10, which counts views",
        ),
        (
            VAE(likelihood="bernoulli"),
            (6,),
            2,
            "likelihood 'bernoulli' needs probabilities, output 'linear' gives none; "
            "use output 'sigmoid' or likelihood 'gaussian'",
        ),
        (
            AAVAE(output="sigmoid"),
            (3, 32, 32),
            2,
            "output 'sigmoid' cannot reconstruct inputs that augmentation 'simclr-cifar10' normalizes; "
            "use output 'linear' or another augmentation",
        ),
        (
            AAVAE(network="mlp", augmentation="none"),
            (6,),
            2,
            "decoder 'resnet50' gives images, the data are vectors (6); use decoder 'mirror'",
        ),
        (
            AAVAE(),
            (3, 32, 32),
            1,
            "batch norm cannot work on batches of 1; use a larger training.batch_size or network 'mlp'",
        ),
    ],
)
def test_impossible_settings_raise_study_errors(
    method: VariationalAutoencoder, shape: tuple[int, ...], batch_size: int, sentence: str
) -> None:
    with pytest.raises(StudyError) as raised:
        method.check(DataInfo(shape, 100, 10, method.samples(batch_size)))
    assert str(raised.value) == sentence


@pytest.mark.parametrize("method", [AAVAE(), BetaVAE()])
def test_colour_augmentations_refuse_grey_images(method: VariationalAutoencoder) -> None:
    with pytest.raises(StudyError, match="channels"):
        method.check(DataInfo((1, 28, 28), 100, 10, 10))


def test_a_batch_may_hold_the_views_of_a_single_image() -> None:
    SimVAE(views=10).check(DataInfo((3, 32, 32), 100, 10, 1))
