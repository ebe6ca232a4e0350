"""The loss on validation samples, by which an epoch's encoder is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ablate.deferred import torch
from ablate.methods.method import Method, Tensors
from ablate.train.data import TrainingSet, seeded_generator

if TYPE_CHECKING:
    from torch import Tensor


def validation_loss(
    method: Method, params: Tensors, state: Tensors, data: TrainingSet, batch_size: int, seed: int, progress: float
) -> float:
    """The mean of the first objective's loss over the batches of the validation samples.

    Views and other noise are drawn as in training, the same after every epoch.  Batch norm normalizes by the batch, as
    the losses do, and its running statistics stay as they are.  Samples that do not fill a batch are left out, except
    where there are fewer than one batch.
    """
    device, samples = data.inputs.device, len(data.inputs)
    loss, size = getattr(method, method.objectives[0].loss), min(batch_size, samples)
    generator = seeded_generator(seed, "validation", device)
    share = torch.full((), progress, device=device)
    total = torch.zeros((), device=device)
    with torch.no_grad():
        for index in torch.arange(samples // size * size, device=device).split(size):
            batch: dict[str, Tensor] = {**data.batch(index), "progress": share}
            total += loss(params, state, batch, method.draw(batch, generator))[0]
    return float(total) / (samples // size)
