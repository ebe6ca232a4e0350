"""Numbers and estimates as text, alike in figures and in tables.

The digits of a number follow its error, by the rule of the Particle Data Group that the package `uncertainties` has:
two digits of an error that begins with 100 to 354, one of 355 to 949, and 950 to 999 are rounded up to 1000.
"""

import math

from ablate.stats.estimate import Estimate

ABSENT = "–"
LARGEST = 949  # first three digits of an error above which it is rounded up to 1000
ROUNDING = 1e-12  # an error below this, relative to the value, is that of floating-point numbers


def number(value: float | None) -> str:
    """A number without an error, with four digits and a decimal: 0.8690, 7.500, 86.90, −1539.8; a dash for None."""
    if value is None:
        return ABSENT
    size = abs(float(f"{value:.10g}"))  # that of 10 is 10, also where it is stored as a little less
    if 0 < size < 0.001:
        return with_minus(f"{value:.2e}")
    return fixed(value, 4 if size < 1 else 3 if size < 10 else 2 if size < 100 else 1)


def fixed(value: float, decimals: int) -> str:
    """A number with so many decimals and a minus sign, which 0 does not have: 0.20, −46.00."""
    return with_minus(f"{value:z.{decimals}f}")


def exact(value: float | None) -> str:
    """A number that somebody wrote, such as a margin, with no more digits than it has: 0.02; a dash for None."""
    return ABSENT if value is None else with_minus(f"{value + 0.0:.6g}")


def with_minus(text: str) -> str:
    """The text of a number with the sign U+2212 in place of a hyphen before it."""
    return f"−{text[1:]}" if text.startswith("-") else text


def signed(value: float, text: str = "") -> str:
    """A number with its sign: +0.0310, −4.200; `text` is its magnitude where that has another form.

    A number whose text is 0, such as a mean far below its error, has no sign.
    """
    text = text or number(abs(value))
    zero = not any(digit in text.partition(" ")[0] for digit in "123456789")
    return text if zero else f"{'+' if value > 0 else '−'}{text}"


def decimals_of(error: float) -> int | None:
    """The decimals of a number with this error; None for an error that is 0 or not finite."""
    if not math.isfinite(error) or error <= 0:
        return None
    first_three, exponent = leading_digits(error)
    digits = 2 if first_three <= 354 else 1 if first_three <= LARGEST else 2
    return max(0, digits - 1 - exponent - (first_three > LARGEST))


def leading_digits(error: float) -> tuple[int, int]:
    """The first three digits as a whole number, the rest cut off, and the exponent of ten of the first one."""
    exponent = math.floor(math.log10(error))
    # in this order 0.95 has 950, and not the 949 that its binary fraction would give
    return int(error / 10.0 ** (exponent - 2) if exponent >= 0 else error / 10.0 ** (exponent + 1) * 1000), exponent


def range_text(ends: tuple[float, float] | None) -> str:
    """`−0.012 to 0.034`: the ends of an interval, with the digits of half its width; a dash for None."""
    if ends is None:
        return ABSENT
    decimals = decimals_of((ends[1] - ends[0]) / 2)
    low, high = (number(end) if decimals is None else fixed(end, decimals) for end in ends)
    return f"{low} to {high}"


def decimals_beside(error: float, scale: float) -> int | None:
    """The decimals of a number with this error, in a column whose largest number is `scale` (0: none).

    Two digits of the largest are shown, so that numbers can be ranked, but at most one more than the error gives.
    """
    decimals = decimals_of(error)
    if decimals is None or scale <= 0 or not math.isfinite(scale):
        return decimals
    return max(decimals, min(decimals + 1, 1 - math.floor(math.log10(scale))))


def with_error(value: float, error: float, scale: float = 0.0) -> str:
    """`0.869 ± 0.013`: a number and its error, both with the digits that the error has (`decimals_beside`)."""
    decimals = decimals_beside(error, scale) if error > ROUNDING * max(1.0, abs(value)) else None
    if decimals is None:
        return f"{number(value)} ± 0"
    first_three, exponent = leading_digits(error)
    rounded = 10.0 ** (exponent + 1) if first_three > LARGEST else error  # 0.95 is stored as a little less
    return f"{fixed(value, decimals)} ± {fixed(rounded, decimals)}"


def estimate_text(estimate: Estimate, scale: float = 0.0) -> str:
    """`0.869 ± 0.013`, the mean and half its interval; `0.87 (0.85 to 0.91)` where its ends are not alike.

    One seed has no interval, which the text states.  `scale` is the largest mean of a column (`decimals_beside`).
    """
    if estimate.mean is None:
        return ABSENT
    if estimate.half is None or estimate.low is None or estimate.high is None:
        return f"{number(estimate.mean)} ({'one seed, ' if estimate.n == 1 else ''}no interval)"
    if not estimate.symmetric:
        decimals = decimals_beside((estimate.high - estimate.low) / 2, scale) or 0
        mean, low, high = (fixed(value, decimals) for value in (estimate.mean, estimate.low, estimate.high))
        return f"{mean} ({low} to {high})"
    return with_error(estimate.mean, estimate.half, scale)
