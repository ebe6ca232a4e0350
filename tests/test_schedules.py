"""The schedules of every paper's studies, in epochs: settings are shares of training, while the papers state epochs."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from ablate.methods import METHODS
from ablate.methods.invariant import Invariant, wanted_entropy
from ablate.methods.swav import SwAV
from ablate.options import build
from ablate.planning.resolve import resolve
from ablate.study.read import read_study
from ablate.train.recipe import Recipe
from ablate.trial import Config

FOLDER = Path(__file__).parent.parent / "studies"
ONE_EPOCH = ("lambda_entropy", "size")  # targets of one batch, and numbers of parameters
GREY = ("mnist", "fashion-mnist")


@dataclass(frozen=True)
class Rates:
    """Learning rates by epoch: they rise linearly until `warmed`, then stay, drop once, or follow a cosine to 0."""

    epochs: int
    peak: float
    warmed: float = 0
    drop: tuple[int, float] | None = None  # the epoch of the lower rate, and that rate
    cosine: bool = False

    def at(self, epoch: float) -> float:
        if epoch < self.warmed:
            return self.peak * epoch / self.warmed
        if self.cosine:
            return self.peak * (1 + math.cos(math.pi * (epoch - self.warmed) / (self.epochs - self.warmed))) / 2
        return self.drop[1] if self.drop and epoch >= self.drop[0] else self.peak


def invariant(study: str, config: Config) -> Rates:
    """Section 3.6: 5e-4 for 1000 epochs, then 1e-4; 5000 epochs, or 10000 for the policies of λ; baselines alike."""
    return Rates(10_000 if study == "lambda_policy" else 5000, 5e-4, drop=(1000, 1e-4))


def aavae(study: str, config: Config) -> Rates:
    """Section 5: constant after 10 epochs, at twice the rate on STL-10; 8.2: both in proportion to the batch size."""
    epochs = config.training["epochs"]
    assert isinstance(epochs, int)
    if study == "batch_size":
        assert isinstance(config.training["batch_size"], int)
        growth = config.training["batch_size"] / 256
        return Rates(epochs, 2.5e-4 * growth, warmed=10 * growth)
    return Rates(epochs, 5e-4 if config.dataset == "stl10" else 2.5e-4, warmed=10)


def de(study: str, config: Config) -> Rates:
    """Section 5, and 3.3 and 3.5 for the methods that it is compared with."""
    match config.method:
        case "supervised":
            return Rates(200, 0.1, cosine=True)
        case "moco-v2":
            return Rates(200, 0.06, cosine=True)
        case _:
            return Rates(100, 1e-3, warmed=10, cosine=True)


def simvae(study: str, config: Config) -> Rates:
    """Sections 3.3 and 4: constant; 400 epochs of generative methods, 600 (to 800) of the others."""
    match config.method:
        case "simclr":
            return Rates(600, 1e-3 if config.dataset in GREY else 3e-4)
        case "moco":
            return Rates(600, 3e-4)
        case "vicreg":
            return Rates(600, 1e-4)
        case _:
            return Rates(400, 8e-5)


def vte(study: str, config: Config) -> Rates:
    """Section 5.6: constant, 200 epochs of each phase."""
    return Rates(200, 1e-4)


PAPERS: dict[str, Callable[[str, Config], Rates]] = {
    "aavae": aavae,
    "de": de,
    "invariant": invariant,
    "simvae": simvae,
    "vte": vte,
}
FILES = [file for paper in PAPERS for file in sorted((FOLDER / paper).glob("*.yaml"))]
every_study = pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")


def trained_configs(file: Path) -> Iterator[Config]:
    """The configs of a study's trials that are trained for more than an epoch, their pretraining among them."""
    if file.stem in ONE_EPOCH:
        return
    study = read_study(file)
    for trial in resolve(study):
        for config in (trial.config, trial.config.first):
            if config is not None and config.seed == study.seeds[0] and METHODS[config.method].objectives:
                yield config


@every_study
def test_learning_rates_change_at_the_epochs_of_the_paper(file: Path) -> None:
    for config in trained_configs(file):
        expected = PAPERS[file.parent.name](file.stem, config)
        settings: Any = config.training
        recipe = Recipe(**settings)
        assert recipe.epochs == expected.epochs
        epochs = sorted(
            {*range(0, expected.epochs, 25), *range(42), 99, 100, 999, 1000, 1001} & set(range(recipe.epochs))
        )
        found = [recipe.rate(epoch / recipe.epochs) for epoch in epochs]
        assert found == pytest.approx([expected.at(epoch) for epoch in epochs], rel=1e-6), config


@every_study
def test_the_entropy_of_targets_falls_for_a_hundred_epochs(file: Path) -> None:
    """T_warm of section 3.4: ĥ is 3/4 log k after 50 epochs, and log √k from epoch 100 on."""
    for config in trained_configs(file):
        method = build(METHODS[config.method], config.settings)
        if isinstance(method, Invariant):
            epochs = torch.tensor([0.0, 50.0, 99.0, 100.0, 101.0])
            wanted = wanted_entropy(method.k, epochs / float(str(config.training["epochs"])) / method.warm_up)
            share = wanted / math.log(method.k)
            torch.testing.assert_close(share[[0, 1, 3, 4]], torch.tensor([1, 0.75, 0.5, 0.5]))
            assert share[2] > 0.5001


@every_study
def test_the_prototypes_of_swav_are_frozen_for_one_epoch(file: Path) -> None:
    """Section 3.4 of Distance Enhancement: 'prototypes frozen in the first epoch'."""
    for config in trained_configs(file):
        method = build(METHODS[config.method], config.settings)
        if isinstance(method, SwAV):
            assert method.frozen * float(str(config.training["epochs"])) == pytest.approx(1)
