"""CPC, contrastive predictive coding on the pieces of an input."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from ablate.data_info import DataInfo
from ablate.deferred import F, nn, torch
from ablate.errors import StudyError
from ablate.methods.limits import check_contrast
from ablate.methods.method import Method, Tensors
from ablate.methods.parts import joined, through
from ablate.nets.encoders import pooled_cnn
from ablate.nets.init import initialize
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True)
class CPC(Method):
    """Cross-entropy of identifying the code of a later piece among those of the batch's inputs at the same place.

    Images are cut into overlapping patches, and each column of patches is a sequence from top to bottom; vectors are
    cut into segments.  A GRU reads the codes z of a sequence; from its state after each piece, one linear map per
    distance predicts the code of a later piece.  The score of a code is its dot product with the prediction.  The
    features are an input's mean code.
    """

    source: ClassVar[str] = "van den Oord, Li & Vinyals 2018, Representation learning with CPC, arXiv:1807.03748, eq. 4"
    logged: ClassVar[tuple[str, ...]] = ("loss", "accuracy")
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = {  # filters: about as many parameters as in Table I
        "fsdd": {"filters": 256},
        "msi": {"filters": 256},
        "reuters-10k": {"filters": 256},
        "reuters-21578": {"filters": 256},
        "20newsgroups": {"filters": 256},
        "digits": {"patch": 4, "stride": 2, "filters": 16},
    }
    small: ClassVar[Mapping[str, Value]] = {"latent_dim": 4, "segments": 4, "filters": 4, "hidden": 8}

    latent_dim: int = option(10, "l, dimension of the code of a piece", least=1)
    patch: int = option(14, "side of the patches of images, in pixels", least=1)
    stride: int = option(7, "distance between patches, in pixels", least=1)
    segments: int = option(8, "pieces of a vector, of equal length", least=2)
    filters: int = option(64, "filters of the first of three convolutions; each next has twice as many", least=1)
    hidden: int = option(128, "recurrent units", least=1)
    ahead: int = option(2, "K, the largest distance at which codes are predicted, in pieces", least=1)
    batchnorm: bool = option(True, "batch norm after the convolutions")

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_contrast(info)
        if len(info.shape) == 3 and self.patch > min(info.shape[1:]):
            height, width = info.shape[1:]
            remedy = f"use method.patch of at most {min(height, width)}"
            raise StudyError(f"patch {self.patch} is larger than the images of {height} x {width} pixels", remedy)
        if len(info.shape) != 3 and self.segments > info.shape[0]:
            remedy = f"use method.segments of at most {info.shape[0]}"
            raise StudyError(f"segments {self.segments} are more than the data's {info.shape[0]} dimensions", remedy)
        if self.ahead >= (rows := self.rows(info.shape)):
            remedy = f"use method.ahead of at most {rows - 1}" if rows > 1 else "use a smaller method.patch"
            raise StudyError(f"ahead {self.ahead} leads beyond the {rows} pieces of a sequence", remedy)

    def rows(self, shape: tuple[int, ...]) -> int:
        """The number of pieces in a sequence."""
        return (shape[1] - self.patch) // self.stride + 1 if len(shape) == 3 else self.segments

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        return initialize(self.structure(info.shape), generator)

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return self.codes(params, state, inputs, training=False)[0].mean((1, 2))

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        structure = self.structure(tuple(batch["input"].shape[1:]))
        codes, state = self.codes(params, state, batch["input"], training=True)
        read = codes[:, :, :-1].flatten(0, 1)  # no prediction starts at the last piece
        contexts, _ = through(structure, "context", params, state, read, training=True)
        predicted, _ = through(structure, "predictor", params, state, contexts, training=True)
        predicted = predicted.view(*codes.shape[:2], -1, self.ahead, self.latent_dim)
        scores = pair_scores(predicted, codes)
        total = -scores.log_softmax(2).diagonal(dim1=1, dim2=2).mean()
        best = scores.detach().argmax(2) == torch.arange(scores.shape[2], device=scores.device)
        return total, {"loss": total, "accuracy": best.to(total).mean()}, state

    def codes(self, params: Tensors, state: Tensors, inputs: Tensor, *, training: bool) -> tuple[Tensor, Tensors]:
        """The codes (B, columns, rows, l) of all pieces, and the state after them."""
        pieces = self.pieces(inputs)
        structure = self.structure(tuple(inputs.shape[1:]))
        codes, state = through(
            structure, "encoder", params, state, pieces.flatten(0, 2), training=training, tracking=training
        )
        return codes.view(*pieces.shape[:3], self.latent_dim), state

    def pieces(self, inputs: Tensor) -> Tensor:
        """Images (B, C, H, W) → (B, columns, rows, C, h, w); vectors (B, D) → (B, 1, rows, 1, length), zero-padded."""
        if inputs.dim() == 4:
            patches = inputs.unfold(2, self.patch, self.stride).unfold(3, self.patch, self.stride)
            return patches.permute(0, 3, 2, 1, 4, 5)
        length = -(-inputs.shape[1] // self.segments)
        padded = F.pad(inputs, (0, length * self.segments - inputs.shape[1]))
        return padded.view(len(inputs), 1, self.segments, 1, length)

    @property
    def stacks(self) -> bool:
        return False

    def structure(self, shape: tuple[int, ...]) -> nn.Sequential:
        channels, axes = (shape[0], 2) if len(shape) == 3 else (1, 1)
        return network(channels, axes, self.filters, self.latent_dim, self.hidden, self.ahead, self.batchnorm)


@functools.cache
def network(
    channels: int, axes: int, filters: int, latent_dim: int, hidden: int, ahead: int, batchnorm: bool
) -> nn.Sequential:
    """The encoder of pieces, the GRU and the linear maps as one network, without parameters."""
    from ablate.nets.recurrent import GRU

    encoder = pooled_cnn(channels, axes, filters, latent_dim, batchnorm)
    with torch.device("meta"):
        context, predictor = GRU(latent_dim, hidden), nn.Linear(hidden, ahead * latent_dim)
    return joined(encoder=encoder, context=context, predictor=predictor)


def pair_scores(predicted: Tensor, codes: Tensor) -> Tensor:
    """Scores (places, B, B) of every input's code (columns) with every input's prediction (rows).

    `predicted` (B, columns, rows - 1, K, l) holds at row t and k the prediction of the codes (B, columns, rows, l) at
    row t + 1 + k; a place is a column, a row and a k for which there is such a row.
    """
    scores = []
    for k in range(predicted.shape[3]):
        expected, found = predicted[:, :, : predicted.shape[2] - k, k], codes[:, :, 1 + k :]
        scores.append(torch.einsum("bqtl,cqtl->qtbc", expected, found).flatten(0, 1))
    return torch.cat(scores)
