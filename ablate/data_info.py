"""Counts and shapes of the data, as methods and probes check their settings against them before anything is drawn."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataInfo:
    """What is known of the data before training; counts that the reader does not ask for stay 0."""

    shape: tuple[int, ...] = ()  # of one sample: (D,) or (C, H, W)
    samples: int = 0  # N, what training sees
    classes: int = 0  # 0 where there are no labels
    batch_size: int = 0  # samples of the data set in a training batch
    probed: int = 0  # samples that probes are fitted on
    evaluation: int = 0  # samples of the evaluation split
    targets: int = 0  # regression targets per sample
