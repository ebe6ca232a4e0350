"""Access to the model and the inputs behind an embedding: batches, random subsets, and a check of the outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ablate.augment import pipeline
from ablate.deferred import np, torch
from ablate.errors import TrialError
from ablate.probes.probe import DIVERGED, Embedded, Features, Inputs, Model

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 250  # inputs in one forward pass
AUGMENTED = 500  # images that are augmented at a time


def model_of(embedded: Embedded) -> Model:
    """The model, for probes that need capabilities; planning makes sure that there is one."""
    assert embedded.model is not None, "a probe with needs is scored with the model"
    return embedded.model


def inputs_of(features: Features) -> Inputs:
    """The inputs of a split that was embedded by a model."""
    assert features.inputs is not None, "a split with a model has inputs"
    return features.inputs


def fastest() -> torch.device:
    """The CUDA device where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def random_rows(samples: int, count: int | None, seed: int) -> Tensor:
    """A random subset of `count` positions below `samples`, ascending; all of them where `count` is None or larger."""
    if count is None or count >= samples:
        return torch.arange(samples)
    return torch.from_numpy(np.sort(np.random.default_rng(seed).choice(samples, count, replace=False)))


def batches(inputs: Inputs, rows: Tensor, binarized: bool = False, size: int = BATCH) -> Iterator[Tensor]:
    """Batches of the inputs (B, ...) at these positions; `binarized` thresholds them at 0.5."""
    for part in rows.split(size):
        values = inputs.batch(part)
        yield (values > 0.5).to(values) if binarized else values


def augmented_batches(inputs: Inputs, augmentation: str, generator: torch.Generator) -> Iterator[Tensor]:
    """Batches of a new view of every input (B, ...), in their order; the encoder normalizes them itself."""
    for part in torch.arange(len(inputs)).split(AUGMENTED):
        yield pipeline(augmentation).augment(inputs.originals(part), generator)


def require_finite(values: Tensor, what: str) -> Tensor:
    """The values (N, ...) as they are.  Raises TrialError where some are not finite; `what` names them."""
    broken = int((~values.isfinite()).flatten(1).any(dim=1).sum())
    if broken:
        raise TrialError(f"{what} of {broken} among {len(values)} samples are not finite", DIVERGED)
    return values
