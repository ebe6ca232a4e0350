"""What goes into a model again: some inputs of a split, batch by batch, and a check of what comes out."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ablate.errors import TrialError
from ablate.probes.probe import Embedded, Features, Inputs, Model

BATCH = 250  # inputs in one pass


def model_of(embedded: Embedded) -> Model:
    assert embedded.model is not None, "a probe that needs roles is given the model"
    return embedded.model


def inputs_of(features: Features) -> Inputs:
    assert features.inputs is not None, "a split with a model has inputs"
    return features.inputs


def fastest() -> torch.device:
    """The accelerator where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def drawn(samples: int, count: int | None, seed: int) -> Tensor:
    """At most `count` of so many positions, in their order; all of them where no count is given."""
    if count is None or count >= samples:
        return torch.arange(samples)
    return torch.from_numpy(np.sort(np.random.default_rng(seed).choice(samples, count, replace=False)))


def batches(inputs: Inputs, rows: Tensor, binarized: bool = False) -> Iterator[Tensor]:
    """The inputs (B, ...) at these positions, rounded to 0 or 1 where they are to be binarized."""
    for part in rows.split(BATCH):
        values = inputs.batch(part)
        yield (values > 0.5).to(values) if binarized else values


def finite(values: Tensor, what: str) -> Tensor:
    """The values, unless some are no numbers: then a TrialError that says what they are."""
    broken = int((~values.isfinite()).flatten(1).any(dim=1).sum())
    if broken:
        raise TrialError(
            f"{what} of {broken} among {len(values)} samples are not finite",
            "training has diverged: lower the learning rate, or see where the loss left its course",
        )
    return values
