"""What a comparison with the baseline shows."""

from enum import StrEnum


class Conclusion(StrEnum):
    """What a comparison shows at 5 %."""

    HIGHER = "higher"  # than the baseline
    LOWER = "lower"
    EQUIVALENT = "equivalent"  # the difference is smaller than the study's margin
    UNDECIDED = "undecided"
