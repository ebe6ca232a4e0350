"""Embeddings of a data set's splits by a frozen encoder, as probes score them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ablate.data.dataset import Data
from ablate.deferred import torch
from ablate.encoder import Encoder
from ablate.probes.probe import Embedded, Features, Inputs
from ablate.subset import validation_rows

if TYPE_CHECKING:
    from torch import Tensor


def embed_splits(encoder: Encoder, data: Data) -> Embedded:
    """The train, test and evaluation splits of the probes, embedded; samples in no split are not embedded."""
    splits = [mask.nonzero().squeeze(1) for mask in (data.probed, data.test, data.evaluation)]
    needed = torch.cat(splits).unique()
    whole = len(needed) == len(data.x)
    z = encoder(data.x if whole else data.x[needed], data.scale)
    position = torch.empty(len(data.x), dtype=torch.int64)  # row of the data set → row of z
    position[needed] = torch.arange(len(needed))
    train, test, evaluation = (split_features(z[position[rows]], rows, data, encoder.unaugmented) for rows in splits)
    validation = Inputs(data.x, unused_rows(encoder, data), data.scale, encoder.unaugmented)
    return Embedded(train, test, evaluation, encoder, validation=validation)


def unused_rows(encoder: Encoder, data: Data) -> Tensor:
    """The positions of the samples that the encoder could have been trained on, and was not."""
    samples = encoder.config.training.get("samples", 0)
    assert isinstance(samples, int), "as the recipe has it"
    return validation_rows(data.seen, data.y, samples)


def split_features(z: Tensor, rows: Tensor, data: Data, unaugmented: Callable[[Tensor], Tensor]) -> Features:
    """One split, from its embeddings (N, D), their rows (N,) in the data set, and the encoder's clean inputs."""
    targets = None if data.targets is None else data.targets[rows].numpy()
    return Features(z.numpy(), data.y[rows].numpy(), targets, Inputs(data.x, rows, data.scale, unaugmented))
