"""Checks of options against the data that several methods share."""

from ablate.data_info import DataInfo
from ablate.errors import StudyError


def check_batchnorm(info: DataInfo, *, batchnorm: bool, off: str = "batchnorm false") -> None:
    """Raise StudyError for batch norm on batches of one; `off` is the remedy that turns it off."""
    if info.batch_size == 1 and batchnorm:
        raise StudyError("batch norm cannot work on batches of 1", f"use a larger training.batch_size or {off}")


def check_contrast(info: DataInfo) -> None:
    """Raise StudyError for a contrastive loss on batches of one."""
    if info.batch_size < 2:
        raise StudyError("batches of 1 hold nothing to contrast with", "use a larger training.batch_size")
