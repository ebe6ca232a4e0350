"""The Fréchet distance between decoded samples and held-out images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from ablate.data_info import DataInfo
from ablate.deferred import np, torch
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.image_features import INCEPTION, ImageNetwork, extracted
from ablate.probes.inputs import BATCH, batches, inputs_of, model_of, random_rows, require_finite
from ablate.probes.probe import Embedded, Metrics, Probe
from ablate.probes.weights import Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True)
class FID(Probe):
    """Fréchet distance between the features of decoded samples and those of held-out images.

    Codes are drawn from one Gaussian of full covariance per class, fitted to the codes of the training split, in the
    proportions of the classes there.  Features of random convolutions give `random_fid`, which is not comparable with
    any published FID.
    """

    source: ClassVar[str] = (
        "Heusel et al. 2017, GANs trained by a two time-scale update rule, eq. 6; samples as Bizeul, Schölkopf and "
        "Allen 2024 (SimVAE), table 7"
    )
    metrics: ClassVar[Metrics] = {"fid": "minimize", "random_fid": "minimize"}  # one of them, by `network`
    needs = ("code",)

    network: ImageNetwork = option(
        "inception", "the network whose features are compared; random-conv gives random_fid", former="features"
    )
    samples: int = option(10000, "decoded codes, and at most so many held-out images", least=2)
    binarized: bool = option(False, "whether to threshold the data's images at 0.5, as SimVAE does for MNIST")

    def weights(self) -> tuple[Weights, ...]:
        return (INCEPTION,) if self.network == "inception" else ()

    def check(self, info: DataInfo) -> None:
        if info.evaluation < 2:
            raise StudyError(f"{info.evaluation} images have no covariance", "use more data")

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        real = inputs_of(embedded.evaluation)
        images = batches(real, random_rows(len(real), self.samples, seed), self.binarized)
        real_features = extracted(self.network, images)
        embedded.report_progress(0.5)
        features = extracted(self.network, self.decoded(embedded, seed))
        distance = frechet(real_features.mean(0), np.cov(real_features.T), features.mean(0), np.cov(features.T))
        return {"fid" if self.network == "inception" else "random_fid": distance}

    def decoded(self, embedded: Embedded, seed: int) -> Iterator[torch.Tensor]:
        """Batches of decoded samples (B, C, H, W)."""
        model, inputs = model_of(embedded), inputs_of(embedded.train)
        images = batches(inputs, torch.arange(len(inputs)), self.binarized)
        codes = require_finite(torch.cat([model.code(batch) for batch in images]), "the codes").double().numpy()
        samples = class_samples(codes, embedded.train.y, self.samples, np.random.default_rng(seed))
        for part in torch.from_numpy(samples).float().split(BATCH):
            yield require_finite(model.decode(part), "the decoded samples")


def class_samples(codes: Array, labels: NDArray[np.int64], count: int, generator: np.random.Generator) -> Array:
    """Draws (count, L) from one Gaussian per class of codes (N, L), in proportion to and in order of labels (N,)."""
    wanted = np.sort(labels)[(np.arange(count) + 0.5).astype(np.int64) * len(labels) // count]
    classes, counts = np.unique(wanted, return_counts=True)
    parts = [gaussian_draws(codes[labels == one], size, generator) for one, size in zip(classes, counts, strict=True)]
    return np.concatenate(parts)


def gaussian_draws(codes: Array, count: int, generator: np.random.Generator) -> Array:
    """Draws (count, L) from the Gaussian with the mean and covariance, which may be singular, of codes (N, L)."""
    covariance = np.atleast_2d(np.cov(codes.T)) if len(codes) > 1 else np.zeros((codes.shape[1],) * 2)
    variances, axes = np.linalg.eigh(covariance)
    normal = generator.standard_normal((count, len(variances)))
    samples: Array = codes.mean(0) + (normal * np.sqrt(variances.clip(0))) @ axes.T
    return samples


def frechet(mean: Array, covariance: Array, other_mean: Array, other_covariance: Array) -> float:
    """‖μ − μ'‖² + tr(Σ + Σ' − 2 (ΣΣ')^½) of two Gaussians (Dowson and Landau 1982)."""
    root = square_root(covariance)
    overlap = np.linalg.eigvalsh(root @ other_covariance @ root)  # of a symmetric matrix that is similar to ΣΣ'
    shift = np.square(mean - other_mean).sum()
    spread = np.trace(covariance) + np.trace(other_covariance) - 2 * np.sqrt(overlap.clip(0)).sum()
    return max(float(shift + spread), 0.0)


def square_root(covariance: Array) -> Array:
    """The symmetric square root of a covariance (D, D); eigenvalues that rounding made negative count as zero."""
    variances, axes = np.linalg.eigh(covariance)
    root: Array = (axes * np.sqrt(variances.clip(0))) @ axes.T
    return root
