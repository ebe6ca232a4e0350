"""Do decoded samples look like the data?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.inputs import BATCH, batches, drawn, finite, inputs_of, model_of
from ablate.probes.probe import Embedded, Metrics, Probe
from ablate.probes.vision import extracted

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FID(Probe):
    """Fréchet distance of the features of decoded samples and of held-out images.

    Codes are drawn from a Gaussian of full covariance per class, fitted to the codes of the training split, as many of
    a class as its share there.  Features of random convolutions give `random_fid`, which no published FID equals.
    """

    source: ClassVar[str] = (
        "Heusel et al. 2017, GANs trained by a two time-scale update rule, eq. 6; samples as Bizeul, Schölkopf and "
        "Allen 2024 (SimVAE), table 7"
    )
    metrics: ClassVar[Metrics] = {"fid": "minimize", "random_fid": "minimize"}  # one of them, as `features` says
    needs = ("code",)

    features: Literal["inception", "random-conv"] = option(
        "inception", "what looks at the images; other than Inception gives random_fid"
    )
    samples: int = option(10000, "decoded codes, and held-out images at most", least=2)
    binarized: bool = option(False, "whether to threshold the given images at 0.5, as SimVAE does MNIST")

    def check(self, info: DataInfo) -> None:
        if info.evaluation < 2:
            raise StudyError(f"{info.evaluation} images have no covariance", "use more data")

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.examine(embedded)
        real = inputs_of(embedded.evaluation)
        shown = batches(real, drawn(len(real), self.samples, seed), self.binarized)
        given = extracted(self.features, shown)
        embedded.tell(0.5)
        made = extracted(self.features, self.generated(embedded, seed))
        distance = frechet(given.mean(0), np.cov(given.T), made.mean(0), np.cov(made.T))
        return {"fid" if self.features == "inception" else "random_fid": distance}

    def generated(self, embedded: Embedded, seed: int) -> Iterator[torch.Tensor]:
        """Batches of decoded samples."""
        model, inputs = model_of(embedded), inputs_of(embedded.train)
        everything = batches(inputs, torch.arange(len(inputs)), self.binarized)
        codes = finite(torch.cat([model.code(given) for given in everything]), "the codes").double().numpy()
        samples = class_samples(codes, embedded.train.y, self.samples, np.random.default_rng(seed))
        for part in torch.from_numpy(samples).float().split(BATCH):
            yield finite(model.decode(part), "the decoded samples")


def class_samples(codes: Array, labels: NDArray[np.int64], count: int, generator: np.random.Generator) -> Array:
    """Draws (count, L) from the Gaussian of each class of codes (N, L), in order of the labels (N,)."""
    wanted = np.sort(labels)[(np.arange(count) + 0.5).astype(np.int64) * len(labels) // count]
    classes, counts = np.unique(wanted, return_counts=True)
    parts = [gaussian(codes[labels == one], size, generator) for one, size in zip(classes, counts, strict=True)]
    return np.concatenate(parts)


def gaussian(codes: Array, count: int, generator: np.random.Generator) -> Array:
    """Draws (count, L) from the Gaussian with the mean and the covariance of codes (N, L); singular ones will do."""
    covariance = np.atleast_2d(np.cov(codes.T)) if len(codes) > 1 else np.zeros((codes.shape[1],) * 2)
    variances, axes = np.linalg.eigh(covariance)
    normal = generator.standard_normal((count, len(variances)))
    samples: Array = codes.mean(0) + (normal * np.sqrt(variances.clip(0))) @ axes.T
    return samples


def frechet(mean: Array, covariance: Array, other_mean: Array, other_covariance: Array) -> float:
    """‖μ − μ'‖² + tr(Σ + Σ' − 2 (ΣΣ')^½) of two Gaussians (Dowson and Landau 1982)."""
    root = square_root(covariance)
    overlap = np.linalg.eigvalsh(root @ other_covariance @ root)  # similar to ΣΣ', and symmetric
    shift = np.square(mean - other_mean).sum()
    spread = np.trace(covariance) + np.trace(other_covariance) - 2 * np.sqrt(overlap.clip(0)).sum()
    return max(float(shift + spread), 0.0)


def square_root(covariance: Array) -> Array:
    """The symmetric root of a covariance (D, D); rounding errors below zero count as zero."""
    variances, axes = np.linalg.eigh(covariance)
    root: Array = (axes * np.sqrt(variances.clip(0))) @ axes.T
    return root
