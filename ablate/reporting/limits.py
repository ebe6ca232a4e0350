"""What a report's numbers contain and cannot show, in sentences: few seeds, wide intervals, failed seeds, variance."""

from collections.abc import Iterator, Sequence

from ablate.draw.labels import variant_label
from ablate.draw.numbers import number
from ablate.plural import counted
from ablate.stats.skewness import LEAST_SKEWED, is_skewed
from ablate.stats.statements import LEVEL, Verdict
from ablate.stats.variants import CASE_AXES, Variant

UNSHOWN = (
    "not significant after Holm's correction over all comparisons, though the 95 % interval, which is of one "
    "comparison alone, excludes 0"
)
UNSEEN_SKEWNESS = (  # the share is simulated by a test
    f"Fewer than {LEAST_SKEWED} seeds do not show whether differences are skewed: of exponentially distributed ones, a "
    "statement at its bound is decided by error in up to 17 % of studies instead of 5 %."
)
RANGES = {"accuracy": 1.0, "error_rate": 1.0, "nmi": 1.0, "ari": 1.5, "cosine": 2.0}  # words in metrics' names → width
MAX_NAMED = 4


def limits_of(metric: str, variants: Sequence[Variant]) -> Iterator[str]:
    """Sentences on the intervals of a study's variants; none where nothing was measured."""
    measured = [variant for variant in variants if variant.scores]
    if not measured:
        return
    yield from variance(variants)
    yield from few_seeds(measured)
    yield from wide_intervals(metric, measured)
    yield from failed_seeds(variants)


def variance(variants: Sequence[Variant]) -> Iterator[str]:
    """Which variance the intervals contain."""
    if all(variant.estimate.n < 2 for variant in variants):
        return
    yield (
        "Intervals contain the variance over seeds: of initialization, order of the data, noise, and the training of "
        "probes, which have the seed of their trial. They do not contain that of other data or splits"
        + (": each data set has intervals of its own." if len({one.config.dataset for one in variants}) > 1 else ".")
    )


def few_seeds(measured: Sequence[Variant]) -> Iterator[str]:
    """What so few seeds cannot show."""
    for count, words in ((1, "One seed has no interval"), (2, "Two seeds cannot say how much scores vary")):
        if few := [variant for variant in measured if variant.estimate.n == count]:
            yield f"{words}: {names(few)}."
    most = max(variant.estimate.n for variant in measured)
    least_p = 2.0 / 2.0**most
    if most > 2 and least_p > LEVEL:
        yield (
            f"With {most} seeds the sign-flip test has no p-value below {least_p:.3g}: what is shown assumes "
            "differences that are normally distributed."
        )


def wide_intervals(metric: str, measured: Sequence[Variant]) -> Iterator[str]:
    """Intervals that are wider than the metric's range, or than that of all scores of the study."""
    scores = [score for variant in measured for score in variant.scores.values()]
    range_width = width_of_range(metric)
    widest = max(scores) - min(scores) if range_width is None else range_width
    wide = [variant for variant in measured if variant.estimate.half and 2 * variant.estimate.half > widest > 0]
    if wide:
        quantity = measured[0].quantity
        shown = quantity.difference(number(widest * quantity.factor))
        what = f"all scores of the study ({shown})" if range_width is None else "all values that the metric can have"
        yield f"An interval that is wider than {what} says nothing: {names(wide)}."


def width_of_range(metric: str) -> float | None:
    """How far the least and the greatest value that a metric can have are apart; None where that is not known."""
    words = f"_{metric.rpartition('/')[2]}_"
    return next((width for word, width in RANGES.items() if f"_{word}_" in words), None)


def failed_seeds(variants: Sequence[Variant]) -> Iterator[str]:
    """That failed seeds are missing, which biases."""
    lacking = [variant for variant in variants if variant.failed or variant.no_value]
    count = sum(len(variant.failed) + len(variant.no_value) for variant in lacking)
    if count:
        yield (
            f"{counted(count, 'seed')} without a value {'counts' if count == 1 else 'count'} as missing, which biases "
            f"means where the setting is the cause: {names(lacking)}."
        )


def skewness_caution(verdict: Verdict) -> str:
    """That skewed values may have decided a verdict by error, or that too few seeds show whether they are skewed.

    Empty for an undecided verdict.
    """
    skewed = [statement.text for statement in verdict.deciding if is_skewed(statement.values)]
    sentences = []
    if skewed:
        more = [f"{len(skewed) - MAX_NAMED} more"] if len(skewed) > MAX_NAMED else []
        named = "; ".join([*skewed[:MAX_NAMED], *more])
        sentences.append(f"Skewed, so that so few values decide by error in more than 5 % of studies: {named}.")
    if any(len(statement.values) < LEAST_SKEWED for statement in verdict.deciding):
        sentences.append(UNSEEN_SKEWNESS)
    return " ".join(sentences)


def names(variants: Sequence[Variant]) -> str:
    """The variants by their levels, and by data set and method where several occur; the first MAX_NAMED."""
    several = [axis for axis in CASE_AXES if len({str(one.level(axis)) for one in variants}) > 1]
    labels = [
        variant_label(one, dict.fromkeys([*several, *one.levels])) or one.config.method for one in variants[:MAX_NAMED]
    ]
    more = len(variants) - MAX_NAMED
    return "; ".join([*labels, f"{more} more"] if more > 0 else labels)


def unshown_sentence(count: int, of: int, one: str = "difference") -> str:
    """That intervals exclude 0 where the corrected test shows nothing; empty where none does."""
    if not count:
        return ""
    subject = f"The {one}" if of == 1 else f"{count} of {of} {one}s"
    return f"{subject} {'is' if count == 1 else 'are'} {UNSHOWN}."
