"""The untrained encoder, a baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from ablate.deferred import torch
from ablate.methods.contrast import GREY_AND_FACES, ImageEncoder, SettingsByDataset
from ablate.methods.method import Objective, Tensors
from ablate.options import option


@final
@dataclass(frozen=True)
class Random(ImageEncoder):
    """An encoder of random weights, not trained at all (Lee et al. 2021, 3.8; Bizeul et al. 2024, 4.1)."""

    source: ClassVar[str] = "Lee et al. 2021, section 3.8; Bizeul et al. 2024, arXiv:2402.01399, section 4.1"
    objectives: ClassVar[tuple[Objective, ...]] = ()
    datasets: ClassVar[SettingsByDataset] = GREY_AND_FACES

    augmentation: str = option("normalized-cifar10", "the pipeline whose clean images are embedded")

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """Nothing: there are no steps."""
        return {}
