"""A data set as the probes see it: through one frozen encoder."""

import torch
from torch import Tensor

from ablate.data.dataset import Data
from ablate.encoder import Encoder
from ablate.probes.probe import Embedded, Features, Inputs


def embedded(encoder: Encoder, data: Data) -> Embedded:
    """The splits that probes ask for; points that none of them holds are not embedded."""
    splits = [mask.nonzero().squeeze(1) for mask in (data.probed, data.test, data.evaluation)]
    needed = torch.cat(splits).unique()
    whole = len(needed) == len(data.x)
    z = encoder(data.x if whole else data.x[needed], data.scale)
    place = torch.empty(len(data.x), dtype=torch.int64)
    place[needed] = torch.arange(len(needed))
    train, test, evaluation = (features(z[place[rows]], rows, data) for rows in splits)
    return Embedded(train, test, evaluation, encoder)


def features(z: Tensor, rows: Tensor, data: Data) -> Features:
    """One split: its embeddings (N, D), and the rows (N,) of the data set that they are made of."""
    targets = None if data.targets is None else data.targets[rows].numpy()
    return Features(z.numpy(), data.y[rows].numpy(), targets, Inputs(data.x, rows, data.scale))
