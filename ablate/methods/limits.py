"""Limits that several methods share."""

from ablate.errors import StudyError
from ablate.methods.method import Facts


def check_network(network: str, facts: Facts) -> None:
    """Raise StudyError where a network for images meets vectors."""
    if network == "cnn" and len(facts.shape) != 3:
        shape = " x ".join(map(str, facts.shape))
        raise StudyError(f"network 'cnn' needs images (C, H, W), the data are vectors ({shape})", "use network 'mlp'")


def check_batchnorm(facts: Facts, *, batchnorm: bool, off: str = "batchnorm false") -> None:
    """Raise StudyError where batch norm has nothing to compare; `off` turns it off."""
    if facts.batch_size == 1 and batchnorm:
        raise StudyError("batch norm cannot work on batches of 1", f"use a larger training.batch_size or {off}")
