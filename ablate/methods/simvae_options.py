"""The options that SimVAE and its variational baselines have in common, with their published values.

Bizeul, Schölkopf & Allen 2024, arXiv:2402.01399, with values from the authors' code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ablate.methods import autoencoder_options as shared
from ablate.methods.autoencoder_options import Output, Reduction, Target
from ablate.methods.backbone import Network
from ablate.methods.method import Tensors
from ablate.methods.observation_models import (
    LIKELIHOOD,
    LIKELIHOOD_VARIANCE,
    Likelihood,
    ObservationModel,
    observation_model,
)
from ablate.methods.small_perceptron import SMALL_PERCEPTRON, SMALL_SHAPE
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor

RECIPE: Mapping[str, Value] = {
    "epochs": 400,
    "batch_size": 128,
    "learning_rate": 8e-5,
    "schedule": "constant",
    "adam_epsilon": 1e-4,
}
GREY_SETTINGS: Mapping[str, Value] = {"network": "simvae-mlp", "latent_dim": 10, "likelihood": "bernoulli"}
SETTINGS_BY_DATASET: Mapping[str, Mapping[str, Value]] = {
    "mnist": {**GREY_SETTINGS, "augmentation": "simvae-mnist"},
    "emnist-digits": {**GREY_SETTINGS, "augmentation": "simvae-mnist"},
    "fashion-mnist": {**GREY_SETTINGS, "augmentation": "simvae-fashion-mnist"},
    "digits": {**GREY_SETTINGS, "augmentation": "simvae-fashion-mnist"},
    "celeba": {"augmentation": "simvae-celeba"},
}


@dataclass(frozen=True)
class SimVAEOptions:
    """The options of SimVAE and its variational baselines, and the p(x | z) that they describe."""

    recipe: ClassVar[Mapping[str, Value]] = RECIPE
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = SETTINGS_BY_DATASET
    small: ClassVar[Mapping[str, Value]] = SMALL_PERCEPTRON
    small_shape: ClassVar[tuple[int, ...]] = SMALL_SHAPE

    latent_dim: int = option(64, shared.LATENT_DIM, least=1)
    network: Network = option("narrow", shared.NETWORK)
    output: Output = option("sigmoid", shared.OUTPUT)
    augmentation: str = option("simvae-cifar10", shared.AUGMENTATION)  # simvae-cifar10-256: as in the authors' code
    target: Target = option("input", shared.TARGET)
    reduction: Reduction = option("sum", shared.REDUCTION)
    likelihood: Likelihood = option("gaussian", LIKELIHOOD)
    likelihood_variance: float = option(0.01005, f"s_x, {LIKELIHOOD_VARIANCE}", above=0, former="variance")
    entropy_scale: float = option(1.0, "factor of the posterior's entropy; 2π in the SimVAE authors' code", least=0)

    def observation_model(self, params: Tensors, like: Tensor) -> ObservationModel:
        return observation_model(self.likelihood, self.likelihood_variance, self.output)
