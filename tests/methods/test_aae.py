"""The adversarial autoencoder: its three objectives computed by hand, the part that each trains, and resuming."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.methods.aae import AdversarialAutoencoder
from ablate.train.checkpoint import load, save
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.recipe import Recipe

LN2, LN3 = math.log(2), math.log(3)
SMALL: dict[str, Any] = {"latent_dim": 2, "discriminator_width": 4}
DATA = TrainingSet(torch.rand(12, 2, generator=torch.Generator().manual_seed(0)), torch.zeros(12).long(), 1.0)


def identity_networks(method: AdversarialAutoencoder) -> dict[str, Tensor]:
    """Weights are identity matrices, biases zero: the discriminator's log odds of a code are its first component."""
    params, _ = method.init(DataInfo((2,), 10, 2, 2), torch.Generator())
    return {n: torch.eye(*t.shape) if t.dim() == 2 else torch.zeros_like(t) for n, t in params.items()}


def shown(objective: str, prior_scale: float = 1.0) -> dict[str, float]:
    """The values that an objective shows for codes (0, 1) and (ln 3, 0) and samples (ln 3, 1) and (0, 0)."""
    method = AdversarialAutoencoder(**SMALL, batchnorm=False, prior_scale=prior_scale)
    batch = {"input": torch.tensor([[0.0, 1.0], [LN3, 0.0]])}
    noise = {"normal": torch.tensor([[LN3, 1.0], [0.0, 0.0]])}
    _, values, _ = getattr(method, objective)(identity_networks(method), {}, batch, noise)
    return {name: value.item() for name, value in values.items()}


def test_the_first_objective_is_the_squared_error() -> None:
    assert shown("reconstruction") == {"loss": 0}


def test_the_discriminator_minimizes_the_cross_entropy_of_samples_and_codes() -> None:
    """Samples have odds 3 and 1: -ln 3/4, -ln 1/2; codes 1 and 3: -ln 1/2, -ln 1/4; the mean of four.

    One of four is classified correctly: odds of 1 count as wrong.
    """
    expected = (math.log(4 / 3) + LN2 + LN2 + math.log(4)) / 4
    assert shown("discriminator") == pytest.approx({"loss": expected, "accuracy": 0.25})


def test_samples_have_the_standard_deviation_of_the_prior() -> None:
    """Log odds are 2 ln 3: odds 9."""
    expected = (math.log(10 / 9) + LN2 + LN2 + math.log(4)) / 4
    assert shown("discriminator", prior_scale=2.0)["loss"] == pytest.approx(expected)


def test_the_generator_minimizes_the_cross_entropy_of_codes_classified_as_samples() -> None:
    """Odds 1 and 3: -ln 1/2 and -ln 3/4."""
    assert shown("generator") == pytest.approx({"loss": (LN2 + math.log(4 / 3)) / 2})


def test_a_discriminator_with_zero_log_odds_has_loss_ln_2() -> None:
    method = AdversarialAutoencoder(**SMALL, batchnorm=False)
    params = {name: torch.zeros_like(tensor) for name, tensor in identity_networks(method).items()}
    batch, noise = {"input": torch.ones(3, 2)}, {"normal": torch.ones(3, 2)}
    for name in ("discriminator", "generator"):
        assert getattr(method, name)(params, {}, batch, noise)[0].item() == pytest.approx(LN2)


def test_each_objective_has_its_own_optimizer_over_its_own_part() -> None:
    fit = Fit([AdversarialAutoencoder(**SMALL)], [Recipe(epochs=1, batch_size=6)], [0], DATA, torch.device("cpu"))
    next(fit.steps())
    parts = [{name.partition(".")[0] for name in memory} for memory in fit.checkpoint(0).optimizers]
    assert parts == [{"encoder", "decoder"}, {"discriminator"}, {"encoder"}]
    assert fit.sums.keys() == {
        "reconstruction/loss",
        "discriminator/loss",
        "discriminator/accuracy",
        "generator/loss",
    }


def test_only_the_first_objective_updates_the_running_statistics() -> None:
    method = AdversarialAutoencoder(**SMALL)
    generator = torch.Generator().manual_seed(0)
    params, state = method.init(DataInfo((2,), 12, 2, 6), generator)
    batch = {"input": DATA.inputs[:6]}
    noise = method.draw(batch, generator)
    assert method.reconstruction(params, state, batch, noise)[2]["encoder.2.running_mean"].any()
    assert method.discriminator(params, state, batch, noise)[2] is state
    assert method.generator(params, state, batch, noise)[2] is state


def test_resuming_in_the_middle_of_an_epoch_gives_the_same_events_and_encoder(tmp_path: Path) -> None:
    def fit(*resume: Any) -> Fit:
        recipe = Recipe(epochs=2, batch_size=4)
        return Fit([AdversarialAutoencoder(**SMALL)], [recipe], [0], DATA, torch.device("cpu"), resume)

    whole, first = fit(), fit()
    expected = [event for events in whole.steps() for event in events]
    before = [event for _, events in zip(range(4), first.steps(), strict=False) for event in events]
    save(tmp_path / "4.pt", first.checkpoint(0))
    second = fit(load(tmp_path / "4.pt"))
    assert [*before, *(event for events in second.steps() for event in events)] == expected
    assert all(torch.equal(tensor, whole.encoder(0)[name]) for name, tensor in second.encoder(0).items())
