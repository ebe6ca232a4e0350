"""Classification of the hair colour of CelebA's faces."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from ablate.data_info import DataInfo
from ablate.deferred import np
from ablate.errors import StudyError
from ablate.probes.hidden_layer import METRICS, HiddenLayerProbe
from ablate.probes.labels import take
from ablate.probes.probe import Embedded, Features, Metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray

ATTRIBUTE_COUNT = 40  # of CelebA
COLOURS = (4, 8, 9, 11, 17)  # the attributes bald, black, blond, brown and gray


@dataclass(frozen=True)
class Hair(HiddenLayerProbe):
    """The MLP probe on CelebA's faces of exactly one of five hair colours: bald, black, blond, brown or gray."""

    source: ClassVar[str] = "Bizeul, Schölkopf and Allen 2024 (SimVAE), arXiv:2402.01399, figure 4 (left)"
    metrics: ClassVar[Metrics] = METRICS

    def check(self, info: DataInfo) -> None:
        if info.targets != ATTRIBUTE_COUNT:
            problem = f"this probe needs CelebA's {ATTRIBUTE_COUNT} attributes, and there are {info.targets} targets"
            raise StudyError(problem, "choose celeba, or leave the probe out")

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        train, test = of_one_colour(embedded.train), of_one_colour(embedded.test)
        return self.label_scores(replace(embedded, train=train, test=test), seed)


def of_one_colour(split: Features) -> Features:
    """The samples of exactly one hair colour, with it as their label.  Raises StudyError where there are none."""
    assert split.targets is not None, "checked"
    colour = hair_colour(split.targets)
    known = np.flatnonzero(colour >= 0)
    if not len(known):
        raise StudyError("no sample has exactly one hair colour", "choose celeba, or leave the probe out")
    return replace(take(split, known), y=colour[known])


def hair_colour(attributes: NDArray[np.float32]) -> NDArray[np.int64]:
    """CelebA's attributes (N, 40) → hair colour 0 to 4 (N,), and -1 for a sample without exactly one."""
    hair = attributes[:, COLOURS] > 0.5
    return np.where(hair.sum(axis=1) == 1, hair.argmax(axis=1), -1)
