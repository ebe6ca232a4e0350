"""Random: the encoder as it is drawn, what training has to beat."""

from dataclasses import dataclass
from typing import ClassVar

from ablate.methods.contrast import GREY_AND_FACES, ImageEncoder, Settings
from ablate.methods.method import Objective
from ablate.options import option


@dataclass(frozen=True)
class Random(ImageEncoder):
    """An encoder of random weights, not trained at all (Lee et al. 2021, 3.8; Bizeul et al. 2024, 4.1)."""

    source: ClassVar[str] = "Lee et al. 2021, section 3.8; Bizeul et al. 2024, arXiv:2402.01399, section 4.1"
    objectives: ClassVar[tuple[Objective, ...]] = ()
    datasets: ClassVar[Settings] = GREY_AND_FACES

    augmentation: str = option("normalized-cifar10", "the pipeline whose clean images are embedded")
