"""Cosine similarity of augmented views, of the same image and of different images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ablate.data_info import DataInfo
from ablate.deferred import F, np, torch
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.inputs import inputs_of, model_of, random_rows, require_finite
from ablate.probes.probe import Embedded, Matrix, Metrics, Model, Probe

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True)
class Similarity(Probe):
    """Mean cosine of the latent vectors of two views: of the same image, of different images, and the difference."""

    source: ClassVar[str] = "Falcon et al. 2021 (AAVAE), Augmentation-Augmented Variational Autoencoders, figure 5"
    metrics: ClassVar[Metrics] = {"within": "maximize", "between": "minimize", "gap": "maximize"}
    needs = ("view",)

    images: int = option(10, "held-out samples, drawn by the seed", least=2)
    views: int = option(8, "augmented views of each sample", least=2)

    def check(self, info: DataInfo) -> None:
        if info.evaluation < self.images:
            raise StudyError(f"{self.images} images cannot be drawn from {info.evaluation} samples", "set images lower")

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        cosines = self.cosines(embedded, seed)
        one_image = np.kron(np.eye(self.images), np.ones((self.views, self.views))) > 0
        other_view = ~np.eye(len(cosines), dtype=bool)
        within, between = float(cosines[one_image & other_view].mean()), float(cosines[~one_image].mean())
        return {"within": within, "between": between, "gap": within - between}

    def pictures(self, embedded: Embedded, seed: int) -> Mapping[str, Matrix]:
        """The cosines of all pairs of views."""
        names = tuple(f"image {image + 1}" for image in range(self.images) for _ in range(self.views))
        return {"views": Matrix(self.cosines(embedded, seed), names, names, -1.0, 1.0)}

    def cosines(self, embedded: Embedded, seed: int) -> NDArray[np.float64]:
        """The cosines of all pairs of views (images * views, images * views); the views of an image are adjacent."""
        self.check_embedded(embedded)
        model, generator = model_of(embedded), torch.Generator().manual_seed(seed)
        images = inputs_of(embedded.evaluation).originals(random_rows(len(embedded.evaluation.y), self.images, seed))
        views = model.view(images.repeat_interleave(self.views, dim=0), generator)
        directions = F.normalize(require_finite(latent(model, views), "the latent vectors").double(), dim=1)
        cosines: NDArray[np.float64] = (directions @ directions.T).numpy()
        return cosines


def latent(model: Model, inputs: Tensor) -> Tensor:
    """Inputs (B, ...) → latent vectors (B, L): the posterior's mean, else the code, else the representation."""
    if model.can("posterior"):
        return model.posterior(inputs)[0]
    return model.code(inputs) if model.can("code") else model.embed(inputs)
