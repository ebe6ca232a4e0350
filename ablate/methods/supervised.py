"""Supervised training, a baseline, with distance enhancement as an option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from ablate.data_info import DataInfo
from ablate.deferred import F, nn, torch
from ablate.errors import StudyError
from ablate.methods.backbone import NORMALIZED
from ablate.methods.capabilities import Classifying
from ablate.methods.contrast import GREY_AND_FACES, ImageEncoder, SettingsByDataset
from ablate.methods.limits import check_batchnorm
from ablate.methods.method import Tensors, with_prefix, within
from ablate.nets.functional import apply
from ablate.nets.init import initialize
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True)
class Supervised(ImageEncoder, Classifying):
    """Cross-entropy of a linear classifier on the features + λ D, for D the mean cosine between classes' mean features.

    Lee et al. 2021, sections 3.3 and 3.4.  Points without a label are left out.
    """

    source: ClassVar[str] = "Lee et al. 2021, Distance enhancement loss, section 3.4"
    logged: ClassVar[tuple[str, ...]] = ("loss", "cross_entropy", "distance", "accuracy")
    exported: ClassVar[str] = ""  # the classifier too, for `predict`
    recipe: ClassVar[Mapping[str, Value]] = {
        "optimizer": "sgd",
        "momentum": 0.9,
        "learning_rate": 0.1,
        "weight_decay": 5e-4,
        "schedule": "cosine",
        "epochs": 200,
        "batch_size": 128,
    }
    datasets: ClassVar[SettingsByDataset] = GREY_AND_FACES

    augmentation: str = option("crop-flip", "the pipeline that draws the views")
    distance_enhancement: float = option(0.0, "λ, weight of D; 1 in the paper", least=0)

    def check(self, info: DataInfo) -> None:
        super().check(info)
        if info.classes < 2:
            raise StudyError(f"the training set has {info.classes} classes", "choose a data set with labels")
        check_batchnorm(info, batchnorm=self.network in NORMALIZED, off="network 'mlp'")

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        params, state = super().init(info, generator)
        classifier, _ = initialize(nn.Linear(self.features, info.classes, device="meta"), generator)
        return {**params, **with_prefix("classifier.", classifier)}, state

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """One view (1, B, C, h, w) of each image."""
        return {"view": self.pipeline.views(batch["input"], 1, generator)}

    def predict(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        """Clean inputs (B, ...) → logits (B, classes), in evaluation mode."""
        return self.classify(params, self.embed(params, state, inputs))

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        h, state = self.encode(params, state, noise["view"][0])
        logits = self.classify(params, h)
        members = memberships(batch["label"], logits)
        labelled = members.sum().clamp(min=1)
        error = -(members * logits.log_softmax(1)).sum() / labelled
        correct = members.gather(1, logits.argmax(1, keepdim=True)).sum() / labelled
        distance = class_cosine_similarity(h, members)
        total = error + self.distance_enhancement * distance
        return total, {"loss": total, "cross_entropy": error, "distance": distance, "accuracy": correct}, state

    def encode(self, params: Tensors, state: Tensors, views: Tensor) -> tuple[Tensor, Tensors]:
        """Features (B, D) in training mode, and the state after them."""
        own = within(params, "encoder."), within(state, "encoder.")
        h, after = apply(self.encoder(tuple(views.shape[1:])), *own, views, training=True, tracking=True)
        return h, {**state, **with_prefix("encoder.", after)}

    def classify(self, params: Tensors, h: Tensor) -> Tensor:
        """Features (B, D) → logits (B, classes)."""
        return F.linear(h, params["classifier.weight"], params["classifier.bias"])


def memberships(labels: Tensor, logits: Tensor) -> Tensor:
    """1 where a point (row) belongs to a class (column), else 0, in the shape and type of the logits (B, C)."""
    return (labels[:, None] == torch.arange(logits.shape[1], device=logits.device)).to(logits)


def class_cosine_similarity(h: Tensor, members: Tensor) -> Tensor:
    """Σ_c Σ_c'≠c cos(m_c, m_c') / (C − 1)², m_c the mean of class c's features (B, D) and C the classes present.

    Lee et al. 2021, section 3.4; 0 where a batch has one class only.
    """
    present = (members.sum(0) > 0).to(h).sum()
    means = F.normalize(members.T @ h, dim=1)  # sums have the same directions as means; absent classes stay zero
    pairs = means.sum(0).square().sum() - means.square().sum()
    return pairs / (present - 1).clamp(min=1).square()
