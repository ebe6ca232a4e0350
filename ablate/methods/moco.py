"""MoCo and MoCo v2: contrast a query with its key against a queue of earlier keys of a momentum teacher."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from ablate.data_info import DataInfo
from ablate.deferred import F, nn, torch
from ablate.errors import StudyError
from ablate.methods.contrast import CIFAR_ALONE, SIMVAE, SettingsByDataset, TwoViews, identity
from ablate.methods.method import Tensors, with_prefix, within
from ablate.methods.small_perceptron import SMALL_PERCEPTRON
from ablate.nets.functional import apply
from ablate.nets.heads import projection
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class MomentumContrast(TwoViews):
    """−log softmax of a query's cosine with its key among those with a queue of older keys, averaged over the batch.

    He et al. 2020, arXiv:1911.05722, eqs. 1 and 2 and algorithm 1.  The keys come from the teacher, an exponential
    moving average of encoder and head that is updated before every step.

    Shuffled batch norm works on one device: the keys pass the teacher in random order, in `splits` groups, so that
    batch norm carries no information on which key belongs to a query.
    """

    logged: ClassVar[tuple[str, ...]] = ("loss", "accuracy")
    comparable_loss: ClassVar[bool] = False  # it rises while the queue's random keys are replaced
    small: ClassVar[Mapping[str, Value]] = {**SMALL_PERCEPTRON, "head_dim": 4, "queue": 16, "splits": 2}

    temperature: float = option(0.2, "τ, divides the cosines", above=0)
    momentum: float = option(0.99, "m, the share of itself that the teacher keeps at a step", least=0, most=1)
    queue: int = option(4096, "K, earlier keys that a query is contrasted with", least=1)
    splits: int = option(8, "groups in which batch norm normalizes the shuffled keys", least=1)

    @abstractmethod
    def head(self) -> nn.Module: ...

    def check(self, info: DataInfo) -> None:
        super().check(info)
        size = info.batch_size
        if size > self.queue:
            raise StudyError(
                f"the queue of {self.queue} keys is smaller than a batch of {size}",
                f"use method.queue of at least {size}",
            )
        if size < 2 * self.splits:
            remedy = f"use method.splits of at most {size // 2}"
            raise StudyError(f"{self.splits} splits of a batch of {size} leave a group of fewer than 2 keys", remedy)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        params, state = super().init(info, generator)
        queue = F.normalize(torch.randn(self.queue, self.projected, generator=generator), dim=1)
        teacher = {name: tensor.clone() for name, tensor in params.items()}
        return params, {**state, **with_prefix("teacher.", teacher), "queue": queue}

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """Two views (2, B, C, h, w) of each image, and the order (B,) in which the second ones pass the teacher."""
        x = batch["input"]
        return {**super().draw(batch, generator), "order": torch.randperm(len(x), generator=generator, device=x.device)}

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        first, second = noise["view"].unbind()
        teacher = self.updated_teacher(within(state, "teacher."), params)
        keys = self.keys(teacher, second, noise["order"])
        projections, state = self.project(params, state, first[None])
        total, right = info_nce(F.normalize(projections[0], dim=1), keys, state["queue"], self.temperature)
        queue = torch.cat([keys, state["queue"]])[: self.queue]  # the newest first, of any size
        return total, {"loss": total, "accuracy": right}, {**state, **with_prefix("teacher.", teacher), "queue": queue}

    def updated_teacher(self, teacher: Tensors, params: Tensors) -> Tensors:
        """m θ' + (1 − m) θ (He et al. 2020, eq. 2), without gradient."""
        m = self.momentum
        return {name: m * tensor + (1 - m) * params[name].detach() for name, tensor in teacher.items()}

    def keys(self, teacher: Tensors, views: Tensor, order: Tensor) -> Tensor:
        """The teacher's unit projections (B, d) of views (B, ...), normalized in shuffled groups."""
        structure = self.structure(tuple(views.shape[1:]))
        groups = views.index_select(0, order).tensor_split(self.splits)
        shuffled = torch.cat([apply(structure, teacher, {}, group, training=True)[0] for group in groups])
        return F.normalize(shuffled.index_select(0, order.argsort()), dim=1)


@final
@dataclass(frozen=True)
class MoCo(MomentumContrast):
    """MoCo with the head and settings of a baseline of Bizeul et al. 2024, arXiv:2402.01399."""

    source: ClassVar[str] = "He et al. 2020, arXiv:1911.05722; as a baseline of Bizeul et al. 2024"
    recipe: ClassVar[Mapping[str, Value]] = {
        "learning_rate": 3e-4,
        "schedule": "constant",
        "epochs": 600,  # of 600 to 800
        "batch_size": 128,
    }
    datasets: ClassVar[SettingsByDataset] = {
        name: {**settings, "proj_head": False} for name, settings in SIMVAE.items()
    }

    def head(self) -> nn.Module:
        return TwoViews.head(self)


@final
@dataclass(frozen=True)
class MoCoV2(MomentumContrast):
    """MoCo with SimCLR's augmentation and a 2-layer head without batch norm, as trained on CIFAR-10.

    Chen, Fan, Girshick & He 2020, arXiv:2003.04297; settings of Lee et al. 2021, section 3.5.
    """

    source: ClassVar[str] = "Chen, Fan, Girshick & He 2020, arXiv:2003.04297; as a baseline of Lee et al. 2021"
    recipe: ClassVar[Mapping[str, Value]] = {
        "optimizer": "sgd",
        "momentum": 0.9,
        "learning_rate": 0.06,
        "weight_decay": 5e-4,
        "schedule": "cosine",
        "epochs": 200,
        "batch_size": 512,
    }
    datasets: ClassVar[SettingsByDataset] = CIFAR_ALONE

    temperature: float = option(0.1, "τ, divides the cosines", above=0)

    def head(self) -> nn.Module:
        if not self.proj_head:
            return identity()
        return projection(self.features, self.features, self.head_dim, batchnorm=False, bias=True)


def info_nce(query: Tensor, keys: Tensor, queue: Tensor, temperature: Tensor | float) -> tuple[Tensor, Tensor]:
    """He et al. 2020, eq. 1, of unit queries and keys (B, d) and a queue (K, d); and the share of correct queries."""
    own = (query * keys).sum(1, keepdim=True)
    logits = torch.cat([own, query @ queue.T], dim=1) / temperature
    loss = (logits.logsumexp(1) - logits[:, 0]).mean()
    return loss, (logits.argmax(1) == 0).to(logits).mean()
