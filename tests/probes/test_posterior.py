"""Classifiers on codes drawn from a posterior: for means ±1 and deviation 1 the error rate is Φ(−1)."""

from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from ablate.errors import TrialError
from ablate.probes.classifier import Classifier
from ablate.probes.logistic import Logistic
from ablate.probes.neighbors import Neighbors
from ablate.probes.posterior import certain, error_rates, posteriors
from ablate.probes.probe import Embedded, Features, Inputs, Model

UNAVOIDABLE = NormalDist().cdf(-1.0)  # 0.1587


@dataclass(frozen=True)
class Noisy:
    """An encoder whose posterior has the input as its mean, and one standard deviation for all coordinates."""

    deviation: float = 1.0
    capability: str = "posterior"

    def can(self, capability: str) -> bool:
        return capability == self.capability

    def posterior(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return inputs, torch.full_like(inputs, 2.0) * torch.tensor(self.deviation).log()


def points(samples: int) -> Features:
    """As many points at −1 as at +1, which are features and inputs."""
    y = np.arange(samples) % 2
    x = (2 * y[:, None] - 1).astype(np.float32)
    return Features(x, y, None, Inputs(torch.tensor(x), torch.arange(samples), 1.0))


def embed(model: Noisy) -> Embedded:
    return Embedded(points(600), points(1000), points(1000), cast(Model, model))


QUICK: dict[str, Classifier | Logistic | Neighbors] = {
    "classifier": Classifier(width=8, epochs=10, batch_size=60, learning_rate=0.01),
    "logistic": Logistic(),
    "knn": Neighbors(neighbors=101, passes=5),
}


@pytest.mark.parametrize("name", sorted(QUICK))
def test_the_error_rate_is_that_of_drawn_codes(name: str) -> None:
    scores = QUICK[name].score(embed(Noisy()), seed=0)
    assert scores["error_rate"] == pytest.approx(UNAVOIDABLE, abs=0.025)  # five passes: ± 0.005
    assert 0.001 < scores["error_rate_std"] < 0.03  # binomial: 0.0116
    assert scores["accuracy"] == 1.0  # at the means


@pytest.mark.parametrize("name", sorted(QUICK))
@pytest.mark.parametrize("without", ["posterior", "passes"])
def test_without_posterior_or_passes_the_features_are_classified(name: str, without: str) -> None:
    embedded = embed(Noisy(capability="code" if without == "posterior" else "posterior"))
    probe = QUICK[name] if without == "posterior" else replace(QUICK[name], passes=0)
    scores = probe.score(embedded, seed=0)
    assert (scores["error_rate"], scores["error_rate_std"], scores["accuracy"]) == (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Seeing(Noisy):
    """An encoder of images, by their first row; it counts the batches that it has encoded."""

    seen: list[Tensor] = field(default_factory=list)

    def posterior(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        self.seen.append(inputs)
        return super().posterior(inputs[:, 0, 0])

    def embed(self, inputs: Tensor) -> Tensor:
        self.seen.append(inputs)
        return inputs[:, 0, 0]


@pytest.mark.parametrize("passes", [5, 0])
def test_the_classifier_sees_new_views_of_the_training_images_in_every_epoch(passes: int) -> None:
    """VTE's authors crop and flip the classifier's training images, and no others."""
    images = torch.rand(40, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    y = np.arange(40) % 2
    split = Features(images[:, 0, 0].numpy(), y, None, Inputs(images, torch.arange(40), 1.0))
    model = Seeing()
    embedded = Embedded(split, split, split, cast(Model, model))
    probe = Classifier(width=8, epochs=3, augmentation="vte", passes=passes, labels=20)
    assert probe.score(embedded, seed=0)["accuracy"] <= 1
    views = [batch for batch in model.seen if len(batch) == 20 and not torch.equal(batch, images[:20])]
    assert len(views) == (4 if passes else 3)  # of each epoch, and with a posterior once the images themselves
    assert not torch.equal(views[-1], views[-2])
    assert all((one.amin() >= 0 and one.amax() <= 1) for one in views)  # the encoder normalizes them


def test_a_drawn_code_has_the_mean_and_deviation_of_the_posterior() -> None:
    codes = posteriors(points(4000), cast(Model, Noisy(0.5)))
    drawn = codes.all(torch.Generator().manual_seed(0)).x - codes.mean.numpy()
    assert abs(drawn.mean()) < 0.04
    assert drawn.std() == pytest.approx(0.5, abs=0.03)  # exp of half the log variance
    assert np.array_equal(certain(points(10)).all(torch.Generator()).x, points(10).x)


def test_every_draw_is_new() -> None:
    codes, generator = posteriors(points(10), cast(Model, Noisy())), torch.Generator().manual_seed(0)
    rows = torch.tensor([3, 3, 5])
    first, second = codes.draw(rows, generator), codes.draw(rows, generator)
    assert not torch.equal(first, second)
    assert first[0] != first[1]


def test_error_rates_are_summarized_by_mean_and_sample_deviation() -> None:
    assert error_rates([0.9, 0.8, 0.7]) == pytest.approx({"error_rate": 0.2, "error_rate_std": 0.1})
    assert error_rates([0.75]) == {"error_rate": 0.25, "error_rate_std": 0.0}


def test_a_posterior_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(TrialError, match="the encoder's posterior is not finite; training has diverged"):
        posteriors(points(10), cast(Model, Noisy(float("inf"))))
