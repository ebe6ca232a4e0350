"""Published values and descriptions of the options that SimVAE and its variational baselines have in common.

Bizeul, Schölkopf & Allen 2024, arXiv:2402.01399, with values from the authors' code.
"""

from collections.abc import Mapping

from ablate.methods.observation_models import LIKELIHOOD_VARIANCE
from ablate.options import Value

ENTROPY_SCALE_TEXT = "factor of the posterior's entropy; 2π in the SimVAE authors' code"
VARIANCE_TEXT = f"s_x, {LIKELIHOOD_VARIANCE}"
VARIANCE = 0.01005

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
