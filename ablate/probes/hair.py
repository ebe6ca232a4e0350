"""What colour is the hair of a face?"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.probes.labels import take
from ablate.probes.mlp import MLP
from ablate.probes.probe import Embedded, Features

ATTRIBUTES = 40  # of CelebA
COLOURS = (4, 8, 9, 11, 17)  # of them: bald, black, blond, brown and gray


@dataclass(frozen=True)
class Hair(MLP):
    """The MLP probe on CelebA's faces of exactly one of five hair colours: bald, black, blond, brown or gray."""

    source: ClassVar[str] = "Bizeul, Schölkopf and Allen 2024 (SimVAE), arXiv:2402.01399, figure 4 (left)"

    def check(self, info: DataInfo) -> None:
        if info.targets != ATTRIBUTES:
            wanted = f"CelebA's {ATTRIBUTES} attributes"
            raise StudyError(f"there are {info.targets} targets where {wanted} are asked for", "choose celeba")

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        return super().score(
            replace(embedded, train=of_one_colour(embedded.train), test=of_one_colour(embedded.test)), seed
        )


def of_one_colour(split: Features) -> Features:
    """The samples of one hair colour, labelled by it."""
    assert split.targets is not None, "checked"
    colour = hair_colour(split.targets)
    known = np.flatnonzero(colour >= 0)
    if not len(known):
        raise StudyError("no sample has exactly one hair colour", "choose celeba, or another probe")
    return replace(take(split, known), y=colour[known])


def hair_colour(attributes: NDArray[np.float32]) -> NDArray[np.int64]:
    """CelebA's attributes (N, 40) → hair colour 0 to 4 (N,), and -1 for a sample without exactly one."""
    hair = attributes[:, COLOURS] > 0.5
    return np.where(hair.sum(axis=1) == 1, hair.argmax(axis=1), -1)
