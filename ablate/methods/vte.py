"""VTE, variational transformation equivariance: an encoder of warps, then one of images that predicts its codes."""

from __future__ import annotations

import functools
import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from ablate.augment.warp import COEFFICIENTS
from ablate.data_info import DataInfo
from ablate.deferred import nn, torch
from ablate.methods.limits import check_contrast
from ablate.methods.method import Pretraining, Tensors, with_prefix
from ablate.methods.parts import joined, through
from ablate.methods.transformations import Equivariant, deep, learning, reparameterized, unit_gaussian_nll
from ablate.nets.encoders import activation, mlp
from ablate.options import Value, option, options_of

if TYPE_CHECKING:
    from torch import Tensor

PAPER = "Sinaga, Basarrudin & Krisnadhi 2022, ICPRAM"
FIRST = "first."  # prefix of the pretrained encoder's tensors


@final
@dataclass(frozen=True)
class PredictiveTransformation(Equivariant):
    """−log N(t; d(z), 1), summed over t's coefficients, averaged over the batch, for z the code of tx."""

    source: ClassVar[str] = f"{PAPER}, section 3, first phase"

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        network = self.structure(tuple(noise["view"].shape[-3:]))
        encoded, state = learning(network, "encoder", params, state, noise["view"][1])
        predicted, state = learning(network, "decoder", params, state, reparameterized(encoded, noise["normal"][1]))
        total = unit_gaussian_nll(noise["target"], predicted)
        return total, {"loss": total}, state

    def heads(self) -> dict[str, nn.Sequential]:
        return {"decoder": deep(self.latent_dim, self.hidden, COEFFICIENTS)}


@dataclass(frozen=True)
class VTE(Equivariant):
    """Maximize a lower bound of I(z; ẑ), for codes z of tx by a frozen pretrained encoder and codes ẑ of x.

    The pretrained encoder is that of `predictive-transformation`, and part of the state.  With `two_phase` false it is
    drawn, part of the parameters, and trained too.
    """

    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = {
        **Equivariant.datasets,
        "stl10-32": {"network": "alexnet", "head": "deep"},
    }

    two_phase: bool = option(True, "pretrain the encoder of tx, then freeze it; false: train both encoders at once")
    first_mode: Literal["eval", "train"] = option(
        "eval", "what batch norm of the frozen encoder normalizes by: running statistics (eval) or the batch (train)"
    )
    head: Literal["shallow", "deep"] = option(
        "shallow", "decoder and critics: one hidden layer without batch norm, or two with it (STL-10)"
    )

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        params, state = super().init(info, generator)
        if not self.two_phase:
            return params, state
        frozen = {name: tensor for name, tensor in params.items() if name.startswith(FIRST)}
        return {name: tensor for name, tensor in params.items() if name not in frozen}, {**state, **frozen}

    def pretraining(self) -> Pretraining | None:
        if not self.two_phase:
            return None
        names = (entry.name for entry in options_of(PredictiveTransformation))
        return Pretraining("predictive-transformation", {name: getattr(self, name) for name in names})

    def load_pretrained(self, params: Tensors, state: Tensors, first: Tensors) -> tuple[Tensors, Tensors]:
        frozen = with_prefix(FIRST, first)
        assert frozen.keys() == {name for name in state if name.startswith(FIRST)}
        return params, {**state, **frozen}

    def codes(self, params: Tensors, state: Tensors, noise: Tensors) -> tuple[Tensor, Tensor, Tensors]:
        """z and ẑ (B, l), and the state after encoding them."""
        network = self.structure(tuple(noise["view"].shape[-3:]))
        encoded, state = learning(network, "encoder", params, state, noise["view"][0])
        ẑ = reparameterized(encoded, noise["normal"][0])
        if self.two_phase:
            training = self.first_mode == "train"
            encoded, _ = through(network, "first", state, state, noise["view"][1], training=training)
        else:
            encoded, state = learning(network, "first", params, state, noise["view"][1])
        return reparameterized(encoded, noise["normal"][1]), ẑ, state

    def structure(self, shape: tuple[int, ...]) -> nn.Sequential:
        return with_first(super().structure(shape))

    def vectors(self) -> nn.Sequential:
        """A network from codes (B, l) to vectors (B, l)."""
        if self.head == "deep":
            return deep(self.latent_dim, self.hidden, self.latent_dim)
        return mlp((self.latent_dim, self.hidden, self.latent_dim), batchnorm=False)


@final
@dataclass(frozen=True)
class BarberAgakov(VTE):
    """−log N(z; d(ẑ), 1), summed over dimensions, averaged over the batch (Barber & Agakov 2003's bound)."""

    source: ClassVar[str] = f"{PAPER}, VTEBA"

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        z, ẑ, state = self.codes(params, state, noise)
        network = self.structure(tuple(noise["view"].shape[-3:]))
        predicted, state = learning(network, "decoder", params, state, ẑ)
        total = unit_gaussian_nll(z, predicted)
        return total, {"loss": total}, state

    def heads(self) -> dict[str, nn.Sequential]:
        return {"decoder": self.vectors()}


@dataclass(frozen=True)
class InfoNCE(VTE):
    """Cross-entropy of identifying, for each z, the ẑ of the same image among those of the batch."""

    logged: ClassVar[tuple[str, ...]] = ("loss", "information", "accuracy")

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_contrast(info)

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        z, ẑ, state = self.codes(params, state, noise)
        network = self.structure(tuple(noise["view"].shape[-3:]))
        scores, state = self.scores(network, params, state, z, ẑ)
        total = info_nce_loss(scores)
        best = scores.detach().argmax(1) == torch.arange(len(scores), device=scores.device)
        shown = {"loss": total, "information": math.log(len(scores)) - total, "accuracy": best.to(total).mean()}
        return total, shown, state

    @abstractmethod
    def scores(
        self, network: nn.Sequential, params: Tensors, state: Tensors, z: Tensor, ẑ: Tensor
    ) -> tuple[Tensor, Tensors]:
        """Scores (B, B) of every z (rows) with every ẑ (columns), and the state after them."""


@final
@dataclass(frozen=True)
class SeparatedInfoNCE(InfoNCE):
    """InfoNCE with the critic g(ẑ) · h(z)."""

    source: ClassVar[str] = f"{PAPER}, VTEInfoNCE (1)"

    def scores(
        self, network: nn.Sequential, params: Tensors, state: Tensors, z: Tensor, ẑ: Tensor
    ) -> tuple[Tensor, Tensors]:
        g, state = learning(network, "image_critic", params, state, ẑ)
        h, state = learning(network, "warp_critic", params, state, z)
        return h @ g.mT, state

    def heads(self) -> dict[str, nn.Sequential]:
        return {"image_critic": self.vectors(), "warp_critic": self.vectors()}


@final
@dataclass(frozen=True)
class ConcatenatedInfoNCE(InfoNCE):
    """InfoNCE with the critic f([z, ẑ]), a network with one output."""

    source: ClassVar[str] = f"{PAPER}, VTEInfoNCE (2)"

    def scores(
        self, network: nn.Sequential, params: Tensors, state: Tensors, z: Tensor, ẑ: Tensor
    ) -> tuple[Tensor, Tensors]:
        of_z, of_ẑ = params["pair.0.weight"].chunk(2, 1)  # the first affine map of f: a pair's output is a sum of two
        pairs = (z @ of_z.mT + params["pair.0.bias"])[:, None] + ẑ @ of_ẑ.mT
        scores, state = learning(network, "critic", params, state, pairs.flatten(0, 1))
        return scores.view(len(z), len(ẑ)), state

    def heads(self) -> dict[str, nn.Sequential]:
        """f as two networks: its first affine map, and the rest."""
        two = self.head == "deep"
        pair, critic = critic_of_pairs(2 * self.latent_dim, self.hidden if two else self.hidden // 4, two)
        return {"pair": pair, "critic": critic}


def info_nce_loss(scores: Tensor) -> Tensor:
    """Mean over rows of log Σⱼ exp sᵢⱼ − sᵢᵢ: column i is the positive of row i (van den Oord et al. 2018, eq. 4)."""
    return -scores.log_softmax(1).diagonal().mean()


@functools.cache
def with_first(network: nn.Sequential) -> nn.Sequential:
    """The network with a second encoder, whose tensors are named as in pretraining, after the prefix `first.`."""
    return joined(**dict(network.named_children()), first=joined(encoder=network.get_submodule("encoder")))


@functools.cache
def critic_of_pairs(inputs: int, hidden: int, deep: bool) -> tuple[nn.Sequential, nn.Sequential]:
    """Concatenated codes (B, inputs) → scores (B, 1): the first affine map, and the other layers."""
    widths = (hidden, hidden // 2, 1) if deep else (hidden, 1)
    with torch.device("meta"):
        first = nn.Sequential(nn.Linear(inputs, hidden))
        return first, nn.Sequential(*activation(hidden, deep), *mlp(widths, deep))
