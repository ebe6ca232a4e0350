"""The terms of the VAE's relatives, worked by hand on networks of wires, which pass on what is not negative."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods.aavae import AAVAE
from ablate.methods.crvae import CRVAE, gaussian_divergence
from ablate.methods.method import Tensors
from ablate.methods.simvae import SimVAE
from ablate.methods.vae import VAE, BetaVAE, Variational, bernoulli_likelihood, gaussian_likelihood, normal_divergence
from ablate.train.recipe import Recipe

LN2, LN3, LN4, LN2PI = math.log(2), math.log(3), math.log(4), math.log(2 * math.pi)
WIRES: dict[str, Any] = {"latent_dim": 2, "network": "simvae-mlp", "width": 2, "augmentation": "none"}
LINEAR: dict[str, Any] = {**WIRES, "output": "linear"}


def wired(method: Variational, log_variance: tuple[float, float] = (0.0, 0.0)) -> dict[str, Tensor]:
    """Every affine map hands its first inputs on to its first outputs, so that μ = x; log σ² is the same for all."""
    params, _ = method.init(DataInfo((2,), 10, 2, 2), torch.Generator())
    wires = {n: torch.eye(*t.shape) if t.dim() == 2 else torch.zeros_like(t) for n, t in params.items()}
    return {**wires, "encoder.7.bias": torch.tensor([0.0, 0.0, *log_variance])}


def shown(method: Variational, params: Tensors, x: list[list[float]], **noise: Tensor) -> dict[str, float]:
    _, values, _ = method.loss(params, {}, {"input": torch.tensor(x)}, noise)
    return {name: value.item() for name, value in values.items()}


# Likelihoods


def test_the_gaussians_likelihood_has_its_constants() -> None:
    """Of (1, 2) around 0 with variance 4: -½ (5/4 + 2 ln 4 + 2 ln 2π)."""
    found = gaussian_likelihood(torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2), torch.tensor(LN4))
    assert found.tolist() == pytest.approx([-0.5 * (1.25 + 2 * LN4 + 2 * LN2PI)])


def test_the_bernoullis_likelihood_is_summed_over_dimensions() -> None:
    """Odds 3 and 1 for (1, 0): ln 3/4 + ln 1/2."""
    found = bernoulli_likelihood(torch.tensor([[1.0, 0.0]]), torch.tensor([[LN3, 0.0]]))
    assert found.tolist() == pytest.approx([math.log(3 / 8)])


def test_odds_of_certain_mistakes_stay_finite() -> None:
    assert bernoulli_likelihood(torch.tensor([[1.0]]), torch.tensor([[-200.0]])).tolist() == [-200]


def test_the_error_is_divided_by_twice_the_variance() -> None:
    """(1, 2) becomes (1, 2) + (2, -1): 5 / (2 · 0.1)."""
    found = shown(VAE(**LINEAR, variance=0.1), wired(VAE(**LINEAR)), [[1.0, 2.0]], normal=torch.tensor([[2.0, -1.0]]))
    assert found["reconstruction"] == pytest.approx(25)


def test_the_cross_entropy_is_divided_by_the_variance() -> None:
    """The code (ln 3, 0) gives odds 3 and 1 for (1, 0): ln 8/3, over 0.1."""
    method = VAE(**WIRES, output="sigmoid", likelihood="bernoulli", variance=0.1)
    found = shown(method, wired(method), [[1.0, 0.0]], normal=torch.tensor([[LN3 - 1, 0.0]]))
    assert found["reconstruction"] == pytest.approx(10 * math.log(8 / 3))


def test_densities_of_inputs_given_codes() -> None:
    """Of (1, 2) given (0, 1): squares 2, over 4 for s = 2; odds 1 and e for (1, 0): -ln 2 - ln(1 + e)."""
    codes = torch.tensor([[0.0, 1.0]])
    gaussian = VAE(**LINEAR, variance=2.0)
    found = gaussian.log_likelihood(wired(gaussian), {}, torch.tensor([[1.0, 2.0]]), codes)
    assert found.tolist() == pytest.approx([-2 / 4 - LN2 - LN2PI])
    coins = VAE(**WIRES, output="sigmoid", likelihood="bernoulli", variance=0.1)
    found = coins.log_likelihood(wired(coins), {}, torch.tensor([[1.0, 0.0]]), codes)
    assert found.tolist() == pytest.approx([-LN2 - math.log(1 + math.e)])


# AAVAE


def test_aavae_restores_the_clean_image_from_the_code_of_a_view() -> None:
    """The view (3, 0) is its code, up to the floor of 1e-6 under σ; (1, 2) is 8 away in squares: 4 + ln 2π."""
    method = AAVAE(**LINEAR, decoder="mirror")
    noise = {"view": torch.tensor([[[3.0, 0.0]]]), "clean": torch.tensor([[1.0, 2.0]]), "normal": torch.zeros(1, 2)}
    found = shown(method, wired(method), [[9.0, 9.0]], **noise)
    assert found["loss"] == found["reconstruction"] == pytest.approx(4 + LN2PI)


def test_aavaes_divergence_counts_as_much_as_its_weight() -> None:
    """½ (9 + 0) of μ = (3, 0) and σ = 1."""
    method = AAVAE(**LINEAR, decoder="mirror", weight=10.0)
    found = shown(method, wired(method), [[3.0, 0.0]], normal=torch.zeros(1, 2))
    assert found == pytest.approx({"loss": LN2PI + 45, "reconstruction": LN2PI, "divergence": 4.5}, abs=1e-4)


def test_logscale_is_a_log_variance() -> None:
    """-log N((1, 2); (3, 0), 4) = ½ (8/4 + 2 ln 4 + 2 ln 2π)."""
    method = AAVAE(**LINEAR, decoder="mirror", logscale=LN4)
    found = shown(method, wired(method), [[1.0, 2.0]], normal=torch.tensor([[2.0, -2.0]]))
    assert found["reconstruction"] == pytest.approx(1 + LN4 + LN2PI, rel=1e-5)
    density = method.log_likelihood(wired(method), {}, torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 0.0]]))
    assert density.item() == pytest.approx(-1 - LN4 - LN2PI, rel=1e-5)


def test_a_learned_scale_grows_where_errors_are_larger_than_it() -> None:
    """½ (D - squares / s) for D = 2, squares 8 and s = 1, then 16: 1 - 4 and 1 - ¼."""
    for start, slope in ((0.0, -3.0), (math.log(16), 0.75)):
        method = AAVAE(**LINEAR, decoder="mirror", scale="learned", logscale=start)
        params, _ = method.init(DataInfo((2,), 10, 2, 2), torch.Generator())
        assert params["logscale"].item() == pytest.approx(start)
        logscale = params["logscale"].requires_grad_()
        batch, noise = {"input": torch.tensor([[1.0, 2.0]])}, {"normal": torch.tensor([[2.0, -2.0]])}
        loss, _, _ = method.loss({**wired(method), "logscale": logscale}, {}, batch, noise)
        assert torch.autograd.grad(loss, logscale)[0].item() == pytest.approx(slope, rel=1e-4)


def test_a_fixed_scale_is_no_parameter() -> None:
    assert "logscale" not in wired(AAVAE(**LINEAR, decoder="mirror"))


def test_noise_never_vanishes_in_aavae() -> None:
    mean, log_variance = AAVAE().gaussian(torch.tensor([[1.0, -2000.0]]))
    assert mean.tolist() == [[1.0]]
    assert (log_variance / 2).exp().item() == pytest.approx(1e-6)


# β-VAE and CR-VAE


def test_beta_vae_sums_over_views_of_images_where_vae_averages() -> None:
    """Views come back 1 and 3 away in squares: over 2 s they are 5 and 15."""
    noise = {"view": torch.tensor([[[0.0, 0.0], [1.0, 0.0]]]), "clean": torch.full((2, 2), 9.0)}
    noise["normal"] = torch.tensor([[1.0, 0.0], [1.0, math.sqrt(2)]])
    for reduction, expected in (("sum", 20.0), ("mean", 10.0)):
        method = BetaVAE(**LINEAR, variance=0.1, reduction=reduction)  # type: ignore[arg-type]
        found = shown(method, wired(method), [[9.0, 9.0], [9.0, 9.0]], **noise)
        assert found["reconstruction"] == pytest.approx(expected)
    assert BetaVAE().reduction == "sum"
    assert VAE().reduction == "mean"


def test_the_entropy_may_weigh_more_than_it_should() -> None:
    """½ (μ² + σ² - 1 - c ln σ²) for μ = 1, σ² = 4: 2 - c ln 2."""
    one, four = torch.ones(1, 1), torch.full((1, 1), LN4)
    assert normal_divergence(one, four).item() == pytest.approx(2 - LN2)
    assert normal_divergence(one, four, 2 * math.pi).item() == pytest.approx(2 - 2 * math.pi * LN2, abs=1e-6)


def test_the_divergence_of_two_gaussians_by_hand() -> None:
    """KL(N(1, 4) ‖ N(0, 1)) = ½ (4 + 1 - 1 - ln 4), the other way ½ (¼ + ¼ - 1 + ln 4); summed over dimensions."""
    wide = torch.tensor([[1.0, 1.0]]), torch.tensor([[LN4, LN4]])
    narrow = torch.zeros(1, 2), torch.zeros(1, 2)
    assert gaussian_divergence(wide, narrow).tolist() == pytest.approx([4 - LN4])
    assert gaussian_divergence(narrow, wide).tolist() == pytest.approx([-0.5 + LN4])


def test_consistency_is_the_divergence_of_the_second_view_from_the_first() -> None:
    """KL(N(1, 4) ‖ N(0, 1)) = 2 - ln 2, where the second view's is the wide one."""
    mean, log_variance = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [LN4]])
    weight, consistency = CRVAE(consistency=0.3).terms(mean, log_variance, mean)["consistency"]
    assert weight == 0.3
    assert consistency.tolist() == pytest.approx([2 - LN2])


def test_the_loss_of_cr_vae_is_that_of_both_views_and_their_divergence() -> None:
    """Views (2, 0) and (0, 1) come back: KL from the prior 2 + ½, between them (4 + 1) / 2, λ = 0.1."""
    method = CRVAE(**LINEAR)
    noise = {"view": torch.tensor([[[2.0, 0.0]], [[0.0, 1.0]]]), "clean": torch.full((1, 2), 9.0)}
    found = shown(method, wired(method), [[9.0, 9.0]], **noise, normal=torch.zeros(2, 2))
    assert found == pytest.approx({"loss": 2.75, "reconstruction": 0, "divergence": 2.5, "consistency": 2.5})


# SimVAE

# Two images with two views each, (1, 2) twice and (3, 0) twice.  σ = (2, 1); codes of the first (2, 2) and (0, 4), of
# the second (3, 0) and (3, 0).  Half the squares: (1 + 0) / 2 and (1 + 4) / 2, and 0.  Around its mean (1, 3) the first
# is scattered by 1 + 1 + 1 + 1, the second by 0.  The entropy of each view is ½ ln 4 = ln 2.
NORMAL = torch.tensor([[0.5, 0.0], [0.0, 0.0], [-0.5, 2.0], [0.0, 0.0]])  # view after view
IMAGES = [[1.0, 2.0], [3.0, 0.0]]


def simvae(**settings: Any) -> dict[str, float]:
    method = SimVAE(**{**LINEAR, "views": 2, "variance": 1.0, "prior_variance": 0.25, **settings})
    return shown(method, wired(method, (LN4, 0.0)), IMAGES, normal=NORMAL)


def test_codes_of_an_images_views_gather_around_their_mean() -> None:
    """4 / (2 · ¼)."""
    expected = {"loss": 3 - 4 * LN2 + 8, "reconstruction": 3, "prior": 8, "entropy": 4 * LN2}
    assert simvae() == pytest.approx(expected, rel=1e-5)


def test_a_gaussian_prior_draws_the_means_to_zero() -> None:
    """Half the squares of (1, 3) and (3, 0): 5 and 4.5."""
    assert simvae(cluster_prior="gaussian")["prior"] == pytest.approx(8 + 9.5)


def test_an_average_over_images_is_half_the_sum_over_two() -> None:
    assert simvae(reduction="mean")["loss"] == pytest.approx((11 - 4 * LN2) / 2)


def test_the_authors_entropy_weighs_two_pi_times_as_much() -> None:
    assert simvae(entropy_scale=2 * math.pi)["loss"] == pytest.approx(11 - 8 * math.pi * LN2, rel=1e-5)


def test_uncertain_codes_lessen_the_loss() -> None:
    """Were the entropy's sign that of Algorithm 1, the posterior would shrink to a point."""
    method = SimVAE(**{**LINEAR, "views": 2})
    bias = torch.zeros(4, requires_grad=True)
    params = {**wired(method), "encoder.7.bias": bias}
    loss, _, _ = method.loss(params, {}, {"input": torch.tensor(IMAGES)}, {"normal": torch.zeros(4, 2)})
    assert torch.autograd.grad(loss, bias)[0][2:].tolist() == [-2, -2]  # ½ for each of four views


def test_batches_of_simvae_count_views() -> None:
    assert SimVAE().samples(128) == 12
    assert SimVAE(views=2).samples(128) == 64
    assert BetaVAE().samples(128) == CRVAE().samples(128) == 128


def test_the_defaults_are_the_papers() -> None:
    recipe = Recipe(**SimVAE.recipe)  # type: ignore[arg-type]
    assert (recipe.epochs, recipe.batch_size, recipe.learning_rate, recipe.adam_epsilon) == (400, 128, 8e-5, 1e-4)
    assert recipe.rate(0.0) == recipe.rate(0.99)
    recipe = Recipe(**{**AAVAE.recipe, "batch_size": 512})  # type: ignore[arg-type]
    assert recipe.rate(0.5) == pytest.approx(5e-4)  # as for STL-10
    assert (AAVAE().weight, AAVAE().logscale, AAVAE().latent_dim) == (0, 0, 128)
    assert 2 * SimVAE().variance == pytest.approx(0.02, rel=0.01)


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
            "output 'sigmoid' cannot give the inputs that augmentation 'simclr-cifar10' normalizes; "
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
def test_impossible_settings_are_refused(
    method: Variational, shape: tuple[int, ...], batch_size: int, sentence: str
) -> None:
    with pytest.raises(StudyError) as refused:
        method.check(DataInfo(shape, 100, 10, method.samples(batch_size)))
    assert str(refused.value) == sentence


@pytest.mark.parametrize("method", [AAVAE(), BetaVAE()])
def test_grey_images_have_no_colours_to_change(method: Variational) -> None:
    with pytest.raises(StudyError, match="channels"):
        method.check(DataInfo((1, 28, 28), 100, 10, 10))


def test_views_of_one_image_are_a_batch() -> None:
    SimVAE(views=10).check(DataInfo((3, 32, 32), 100, 10, 1))
