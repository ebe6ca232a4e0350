"""Variational autoencoders: the bound that they share, and its plain form."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods.autoencoders import Autoencoder
from ablate.methods.backbone import RESNETS
from ablate.methods.capabilities import Dense, Stochastic
from ablate.methods.method import Tensors
from ablate.options import Value, option

Weighted = tuple[Tensor | float, Tensor]  # a term's weight, and its values, of which the sum counts
GREY: Mapping[str, Value] = {"network": "simvae-mlp", "latent_dim": 10, "likelihood": "bernoulli"}


@dataclass(frozen=True)
class Variational(Autoencoder, Stochastic, Dense):
    """The negative evidence lower bound: −log p(x | z) at one z = μ + σ e of each input, and what a method adds.

    The encoder gives μ, then log σ².  Terms are summed over dimensions and views, and averaged over the inputs.
    """

    batchnorm: bool = option(True, "in the hidden layers of encoder and decoder, where these are mlp or cnn")
    weight: float = option(1.0, "β, of the divergence from the prior", least=0)
    reduction: Literal["mean", "sum"] = option("mean", "of the losses of a batch's inputs")

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """The views, and standard normal e (V·B, l)."""
        x = batch["input"]
        views = super().draw(batch, generator)
        shape = self.passes * len(x), self.latent_dim
        return {**views, "normal": torch.randn(shape, generator=generator, device=x.device, dtype=x.dtype)}

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        """The means, or a ResNet's features."""
        features = super().embed(params, state, inputs)
        return features if self.network in RESNETS else features[:, : self.latent_dim]

    def posterior(self, params: Tensors, state: Tensors, inputs: Tensor) -> tuple[Tensor, Tensor]:
        encoded, _ = self.encode(params, state, self.pipeline.clean(inputs), training=False)
        return self.gaussian(encoded)

    def code(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return self.posterior(params, state, inputs)[0]

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        seen, target = self.pair(batch, noise)
        encoded, state = self.encode(params, state, seen, training=True, tracking=True)
        mean, log_variance = self.gaussian(encoded)
        code = mean + (log_variance / 2).exp() * noise["normal"]
        outputs, state = self.restore(params, state, code, tuple(target.shape[1:]), training=True)
        share = 1 if self.reduction == "sum" else len(batch["input"])
        terms = {"reconstruction": (1.0, self.misfit(params, outputs, target)), **self.terms(mean, log_variance, code)}
        shown = {name: values.sum() / share for name, (_, values) in terms.items()}
        total = torch.stack([weight * shown[name] for name, (weight, _) in terms.items()]).sum()
        return total, {"loss": total, **shown}, state

    @abstractmethod
    def misfit(self, params: Tensors, outputs: Tensor, target: Tensor) -> Tensor:
        """−log p(x | z) (B,) of targets x, up to a constant, from the decoder's outputs for z."""

    def terms(self, mean: Tensor, log_variance: Tensor, code: Tensor) -> dict[str, Weighted]:
        """What is added to the misfit, given (V·B, l) of each: weights, and values of which the sum counts."""
        return {"divergence": (self.weight, normal_divergence(mean, log_variance))}

    def gaussian(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance (B, l) of q(z | x) from what the encoder gives (B, 2 l)."""
        mean, log_variance = encoded.chunk(2, 1)
        return mean, log_variance

    @property
    def encoded(self) -> int:
        return 2 * self.latent_dim


@dataclass(frozen=True)
class VAE(Variational):
    """1/(2 s) ‖x − d(μ + σ e)‖² + β KL(N(μ, σ²) ‖ N(0, 1)), summed over dimensions, averaged over the batch.

    The decoder's density is a Gaussian of variance s, its constant left out; or it is a Bernoulli's, and 1/s times the
    cross-entropy takes the place of the squared error.  The encoder gives μ, then log σ²; the features are μ.
    """

    source: ClassVar[str] = "Kingma & Welling 2014, Auto-encoding variational Bayes, eq. 10"

    likelihood: Literal["gaussian", "bernoulli"] = option("gaussian", "of the inputs; bernoulli needs them in [0, 1]")
    variance: float = option(1.0, "s, of the Gaussian; the Bernoulli's misfit is divided by it too", above=0)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        if self.likelihood == "bernoulli" and self.output != "sigmoid":
            remedy = "use output 'sigmoid' or likelihood 'gaussian'"
            raise StudyError(f"likelihood 'bernoulli' needs probabilities, output '{self.output}' gives none", remedy)

    def misfit(self, params: Tensors, outputs: Tensor, target: Tensor) -> Tensor:
        if self.likelihood == "bernoulli":
            return -bernoulli_likelihood(target, outputs) / self.variance
        return (self.finish(outputs) - target).square().flatten(1).sum(1) / (2 * self.variance)

    def log_likelihood(self, params: Tensors, state: Tensors, inputs: Tensor, codes: Tensor) -> Tensor:
        """Of what the encoder sees of clean inputs; the Bernoulli's for s = 1, as for others it is no density."""
        x = self.pipeline.clean(inputs)
        outputs, _ = self.restore(params, state, codes, tuple(x.shape[1:]), training=False)
        if self.likelihood == "bernoulli":
            return bernoulli_likelihood(x, outputs)
        return gaussian_likelihood(x, self.finish(outputs), torch.as_tensor(self.variance).to(x).log())


@dataclass(frozen=True)
class BetaVAE(VAE):
    """1/(2 s) ‖x − d(μ + σ e)‖² + β KL(N(μ, σ²) ‖ N(0, 1)) of augmented images x, as a baseline of SimVAE.

    Of the paper's β only s is known, which does its work: dividing by s is the same as weighing the divergence by it
    (Higgins et al. 2017; Bizeul et al. 2024, 4.3, with settings of their code).  With s = 1 it is their plain VAE.
    """

    source: ClassVar[str] = "Higgins et al. 2017, β-VAE; as a baseline of Bizeul et al. 2024, arXiv:2402.01399"
    recipe: ClassVar[Mapping[str, Value]] = {
        "epochs": 400,
        "batch_size": 128,
        "learning_rate": 8e-5,
        "schedule": "constant",
        "adam_epsilon": 1e-4,
    }
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = {
        "mnist": {**GREY, "augmentation": "simvae-mnist"},
        "emnist-digits": {**GREY, "augmentation": "simvae-mnist"},
        "fashion-mnist": {**GREY, "augmentation": "simvae-fashion-mnist"},
        "digits": {**GREY, "augmentation": "simvae-fashion-mnist"},
        "celeba": {"augmentation": "simvae-celeba"},
    }

    latent_dim: int = option(64, "L, dimension of the code", least=1)
    network: Literal["mlp", "simvae-mlp", "cnn", "narrow", "resnet18", "resnet34", "resnet50"] = option(
        "narrow", "the encoder; mlp and simvae-mlp flatten images, the others fold over them"
    )
    output: Literal["linear", "sigmoid"] = option("sigmoid", "of the decoder; sigmoid suits inputs in [0, 1]")
    augmentation: str = option("simvae-cifar10", "the pipeline that draws what the encoder sees")
    target: Literal["clean", "input"] = option("input", "what is given back: the clean input, or what the encoder saw")
    variance: float = option(0.01005, "s_x, of the Gaussian; the Bernoulli's misfit is divided by it too", above=0)
    reduction: Literal["mean", "sum"] = option("sum", "of the losses of a batch's inputs")
    entropy_scale: float = option(1.0, "of the posterior's entropy; 2π in the SimVAE authors' code", least=0)

    def terms(self, mean: Tensor, log_variance: Tensor, code: Tensor) -> dict[str, Weighted]:
        return {"divergence": (self.weight, normal_divergence(mean, log_variance, self.entropy_scale))}


def normal_divergence(mean: Tensor, log_variance: Tensor, entropy_scale: Tensor | float = 1.0) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) of each row (B, l), in nats (Kingma & Welling 2014, appendix B)."""
    return -0.5 * (1 + entropy_scale * log_variance - mean.square() - log_variance.exp()).sum(1)


def gaussian_likelihood(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log N(x; m, v) of each (B, ...) for one log variance (), summed over dimensions, in nats: (B,)."""
    squares = (x - mean).square().flatten(1)
    return -0.5 * (squares.sum(1) * (-log_variance).exp() + squares.shape[1] * (log_variance + math.log(2 * math.pi)))


def bernoulli_likelihood(x: Tensor, odds: Tensor) -> Tensor:
    """x log p + (1 − x) log(1 − p) of each (B, ...) for log odds of p, summed over dimensions, in nats: (B,)."""
    return -F.binary_cross_entropy_with_logits(odds, x, reduction="none").flatten(1).sum(1)
