"""Accuracy of a method's own classifier."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ablate.data_info import DataInfo
from ablate.encoder import Encoder
from ablate.errors import TrialError
from ablate.methods import METHODS
from ablate.probes.prediction import Prediction
from ablate.probes.probe import Capability, Embedded, Features, Inputs, Model
from ablate.trial import Config


@dataclass(frozen=True)
class Sign:
    """Logits (−x, x): the second class wherever the input is positive."""

    scale: float = 1.0

    def can(self, capability: Capability) -> bool:
        return capability == "predict"

    def predict(self, inputs: Tensor) -> Tensor:
        return self.scale * torch.cat([-inputs, inputs], dim=1)

    embed = posterior = code = decode = log_likelihood = view = nn.Identity()


def embed(model: Model, *labels: int) -> Embedded:
    """The inputs −1, 1, −1, 1 with these labels, and the model."""
    values = torch.tensor([[-1.0], [1.0], [-1.0], [1.0]])
    split = Features(values.numpy(), np.array(labels), inputs=Inputs(values, torch.arange(4), 1.0))
    return Embedded(split, split, split, model)


def test_the_class_of_the_largest_logit_is_predicted() -> None:
    assert Prediction().score(embed(Sign(), 0, 1, 0, 1), seed=0) == {"accuracy": 1.0}
    assert Prediction().score(embed(Sign(), 0, 1, 1, 1), seed=0) == {"accuracy": 0.75}


def test_logits_that_are_not_finite_are_refused() -> None:
    with pytest.raises(TrialError, match="the logits of 4 among 4 samples are not finite"):
        Prediction().score(embed(Sign(float("nan")), 0, 1, 0, 1), seed=0)


def test_an_encoder_of_a_supervised_method_predicts() -> None:
    settings = {"network": "simvae-mlp", "width": 1, "latent_dim": 4, "augmentation": "simclr-grey"}
    method = METHODS["supervised"](**settings)
    params, state = method.init(DataInfo((1, 8, 8), 40, 3, 8), torch.Generator().manual_seed(0))
    encoder = Encoder(Config("supervised", method.revision, settings, "digits", "1", {}, 0), {**params, **state})
    assert encoder.can("predict")
    assert encoder.predict(torch.rand(5, 1, 8, 8)).shape == (5, 3)
