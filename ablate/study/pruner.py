"""The data model of early stopping: by which metric variants are compared at which epochs, and which are stopped."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from ablate.study.fields import Level, StrictModel

NONE = "none"
Direction = Literal["maximize", "minimize"]


class Pruner(StrictModel):
    """Early stopping: a variant whose metric is worse than that of others at the same epoch is not trained to its end.

    All seeds of a variant are judged together, by their mean, at the epochs `min_epochs` · `reduction_factor`ᵏ (rungs):
    a seed that is there first waits for the others.  `asha` lets the best 1 / `reduction_factor` of the variants that
    have reached a rung go on (Li et al. 2020, arXiv:1810.05934), the best one always; `hyperband` divides the variants
    into brackets whose first rungs differ; `median` stops, at every multiple of `min_epochs`, a variant whose best
    value so far is worse than the median of the others' values at that epoch.
    """

    kind: Literal["asha", "hyperband", "median"]
    metric: str | None = None  # `train/loss`, or a probe's that is scored between epochs; None: the study's metric
    direction: Direction | None = None  # None: that of the objective or of the probe's metric, and of training minimize
    probe_every: Annotated[int, Field(ge=1)] | None = None  # epochs between two scores of the metric's probe
    probe_options: Mapping[str, Level] = {}  # of that probe, where it is to be smaller than the study's
    min_epochs: Annotated[int, Field(ge=1)] = 1  # of every variant; the first rung
    reduction_factor: Annotated[int, Field(ge=2)] = 4  # η
    min_variants: Annotated[int, Field(ge=1)] = 5  # of `median`: others that must have reached an epoch
    promote: bool = False  # of `asha` and `hyperband`: variants wait at a rung until they are among the best


def expand_kind(value: Any) -> Any:
    """A pruner's name as its mapping; anything else as it is."""
    return {"kind": value} if isinstance(value, str) and value != NONE else value


def tag_of(value: Any) -> str:
    return "off" if value == NONE else "pruner"


SearchPruner = Annotated[
    Annotated[Literal["none"], Tag("off")] | Annotated[Pruner, Tag("pruner")],
    Discriminator(tag_of),
    BeforeValidator(expand_kind),
]
StudyPruner = Annotated[Pruner, BeforeValidator(expand_kind)]
