"""The number of seeds with which a test would probably decide."""

import math

POWER = 0.8
MOST = 10_000  # seeds; more are reported as none


def seeds_needed(effect: float, std: float | None, *, alpha: float = 0.05, one_sided: bool = False) -> int | None:
    """The seeds with which a t-test finds an effect with power 0.8, for differences of this standard deviation.

    None where the deviation is unknown, the effect is 0, or more than MOST seeds would be needed.
    """
    if std is None or effect == 0 or not math.isfinite(effect):
        return None
    if std == 0:
        return 2
    from statsmodels.stats.power import TTestPower

    def power(n: int) -> float:
        alternative = "larger" if one_sided else "two-sided"
        return float(TTestPower().power(abs(effect) / std, n, alpha, alternative=alternative))

    if power(MOST) < POWER:
        return None
    low, high = 1, 2  # power(low) < POWER ≤ power(high), or high = 2
    while power(high) < POWER:
        low, high = high, min(2 * high, MOST)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high
