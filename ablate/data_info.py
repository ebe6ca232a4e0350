"""Shapes and counts of the data, against which methods and probes check their options before a trial starts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataInfo:
    """Shape and counts of a data set and its splits; 0 for counts that a check does not need."""

    shape: tuple[int, ...] = ()  # of one sample: (D,) or (C, H, W)
    samples: int = 0  # N, in the training set
    classes: int = 0  # 0 without labels
    batch_size: int = 0  # samples of the data set in a training batch
    probed: int = 0  # samples that probes are fitted on
    evaluation: int = 0  # samples of the evaluation split
    targets: int = 0  # regression targets per sample
    validation: int = 0  # samples that `training.samples` leaves out of training
