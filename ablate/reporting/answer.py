"""The answer to a study's question in a few sentences, made from the comparisons with the baseline."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ablate.draw.labels import variant_label
from ablate.draw.numbers import estimate_text, exact, with_error
from ablate.stats.axis_trends import AxisTrend
from ablate.stats.comparisons import Comparison, place_of
from ablate.stats.conclusion import Conclusion
from ablate.stats.estimate import Estimate
from ablate.stats.seeds_needed import LEAST_SEEDS
from ablate.stats.variants import CASE_AXES, Variant
from ablate.study.model import compared_axes
from ablate.study.words import Quantity, difference_sentence

MAX_NAMED = 4  # variants that a sentence names one by one
MANY_PLACES = 3  # cases or data sets, from which on the answer is brief on each


def answer(comparisons: Sequence[Comparison], trends: Sequence[AxisTrend] = ()) -> tuple[str, ...]:
    """Sentences on which variants differ from their baseline, and on trends that are shown; none without comparisons.

    A study of several cases or data sets has the sentences of each, which begin with the data set and the method; of
    MANY_PLACES or more only what is shown on each, and a sentence on the rest.
    """
    places = dict.fromkeys(place_of(comparison.variant) for comparison in comparisons)
    grouped = [[one for one in comparisons if place_of(one.variant) == at] for at in places]
    prefixes = [f"On {place(group[0].baseline, grouped)}: " if len(grouped) > 1 else "" for group in grouped]
    in_brief = len(grouped) >= MANY_PLACES and all(
        one.look is None and one.estimate.n >= LEAST_SEEDS for one in comparisons
    )
    each = (
        prefix + sentence
        for prefix, group in zip(prefixes, grouped, strict=True)
        for sentence in (brief_sentences if in_brief else sentences)(
            group, [one for one in trends if one.baseline == group[0].baseline]
        )
    )
    return (*each, *(rest_sentence(comparisons) if in_brief else ()))


def rest_sentence(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """`No other difference from the baseline was found; about 8 to 30 seeds would show differences of this size.`"""
    undecided = [one for one in comparisons if one.conclusion is Conclusion.UNDECIDED]
    if undecided:
        other = "" if len(undecided) == len(comparisons) else "other "
        yield f"No {other}difference from the baseline was found{seeds_that_decide(undecided)}."


def place(baseline: Variant, groups: Sequence[Sequence[Comparison]]) -> str:
    """What distinguishes a case: its data set, its method, or both."""
    others = [group[0].baseline for group in groups]
    axes = [axis for axis in CASE_AXES if len({str(other.level(axis)) for other in others}) > 1]
    return variant_label(baseline, axes or CASE_AXES)


def sentences(comparisons: Sequence[Comparison], trends: Sequence[AxisTrend] = ()) -> Iterator[str]:
    """The sentences of one case, with its trends."""
    quantity = comparisons[0].baseline.quantity
    baseline = label(comparisons[0].baseline)
    if comparisons[0].look is not None and not any(one.look and one.look.look for one in comparisons):
        first = comparisons[0].look.schedule[0]
        yield f"Nothing is decided yet: the first look that can decide is at {first} seeds."
        return
    most_seeds = max(comparison.estimate.n for comparison in comparisons)
    if most_seeds < LEAST_SEEDS:
        count = "One seed does" if most_seeds == 1 else "Two seeds do"
        differs = f"{quantity.name} differs from that of the baseline, {baseline}"
        yield f"{count} not show whether {differs}: use three or more."
        return
    yield from shown_sentences(comparisons)
    undecided = [one for one in comparisons if one.conclusion is Conclusion.UNDECIDED]
    if undecided and undecided[0].look is not None:
        yield from undecided_after_looks(baseline, undecided)
    elif undecided:
        which = "any variant" if len(undecided) == len(comparisons) > MAX_NAMED else names(undecided)
        yield f"No difference from {baseline} was found for {which}{seeds_that_decide(undecided)}."
    yield from (trend_sentence(one) for one in trends if one.shown)


def brief_sentences(comparisons: Sequence[Comparison], trends: Sequence[AxisTrend] = ()) -> Iterator[str]:
    """The sentences on what is shown in one case: differences, or else trends."""
    shown = list(shown_sentences(comparisons))
    yield from shown or (trend_sentence(one) for one in trends if one.shown)


def shown_sentences(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """The sentences on the variants that are shown to be higher, lower, or within the margin."""
    quantity, baseline = comparisons[0].baseline.quantity, label(comparisons[0].baseline)
    for conclusion in (Conclusion.HIGHER, Conclusion.LOWER):
        found = [one for one in comparisons if one.conclusion is conclusion]
        if len(found) == len(comparisons) > MAX_NAMED:
            others = f"every other variant: {extremes(comparisons)}"
            yield difference_sentence(quantity, conclusion, baseline, others)
        elif found:
            yield difference_sentence(quantity, conclusion, baseline, listed(map(measured, found)))
    if same := [one for one in comparisons if one.conclusion is Conclusion.EQUIVALENT]:
        differs = f"{quantity.name} differs from that of the baseline {baseline}"
        yield f"With {names(same)}, {differs} by less than {margin_text(same[0])}."


def trend_sentence(one: AxisTrend) -> str:
    """`Along k, linear/accuracy rises by 0.100 ± 0.010 per doubling (p = 0.003 after Holm, paired slopes).`"""
    rises = "rises" if (one.estimate.mean or 0.0) > 0 else "falls"
    tested = f"{p_text(one.p_adjusted)} after Holm, paired slopes"
    axis, metric = one.baseline.words.axis(one.axis), one.baseline.quantity.name
    return f"Along {axis}, {metric} {rises} by {slope_text(one)} per {one.step} ({tested}){not_monotone(one)}."


def not_monotone(one: AxisTrend) -> str:
    """Where the means do not follow a trend from level to level; empty where they do."""
    if one.trend.monotone:
        return ""
    lowest, highest = (one.baseline.words.assignment(one.axis, level) for level in one.trend.extremes)
    return f", but not from each level to the next: its mean is lowest at {lowest} and highest at {highest}"


def slope_text(one: AxisTrend) -> str:
    """The size of a slope with its interval and its unit, without its sign."""
    quantity = one.baseline.quantity
    estimate = one.estimate.times(quantity.factor)
    return quantity.difference(with_error(abs(estimate.mean or 0.0), estimate.half or 0.0))


def measured(comparison: Comparison) -> str:
    """`k=50 (by 0.0410 ± 0.0180, 3 seeds, p = 0.010 after Holm)`, whichever of both is higher."""
    look = comparison.look
    decided = (
        f"{p_text(comparison.p_adjusted)} after Holm"
        if look is None
        else f"decided at look {look.look} of {len(look.schedule)}"
    )
    return f"{label(comparison.variant)} (by {size(comparison)}, {comparison.estimate.n} seeds, {decided})"


def size(comparison: Comparison) -> str:
    """The size of the difference with its interval and its unit, without its sign."""
    return absolute_text(comparison.estimate, comparison.variant.quantity)


def absolute_text(estimate: Estimate, quantity: Quantity) -> str:
    """The size of a mean difference with its interval and its unit, without its sign."""
    estimate = estimate.times(quantity.factor)
    if estimate.mean is not None and estimate.mean < 0:
        estimate = replace(estimate, mean=-estimate.mean, low=negated(estimate.high), high=negated(estimate.low))
    return quantity.difference(estimate_text(estimate))


def margin_text(comparison: Comparison) -> str:
    """The study's margin with its unit."""
    quantity, margin = comparison.variant.quantity, comparison.margin
    return quantity.difference(exact(None if margin is None else margin * quantity.factor))


def negated(value: float | None) -> float | None:
    return None if value is None else -value


def extremes(comparisons: Sequence[Comparison]) -> str:
    """The smallest and the largest difference."""
    least, *_, most = sorted(comparisons, key=lambda one: abs(one.estimate.mean or 0.0))
    return f"the smallest difference is that of {measured(least)}, the largest that of {measured(most)}"


def undecided_after_looks(baseline: str, undecided: Sequence[Comparison]) -> Iterator[str]:
    """Which comparisons more seeds may decide, and which stay undecided with the most seeds of the study."""
    waiting = [one for one in undecided if one.look is not None and one.look.open]
    ended = [one for one in undecided if one not in waiting]
    if waiting:
        yield f"For {names(waiting)} the comparison with {baseline} is undecided so far; seeds are added."
    if ended:
        most = max(one.look.wanted for one in ended if one.look is not None)
        yield f"No difference from {baseline} was found for {names(ended)} with {most} seeds, the most of this study."


def seeds_that_decide(undecided: Sequence[Comparison]) -> str:
    """How many seeds would show differences of the observed sizes, and how many that others are below the margin."""
    needed = [(one, one.seeds_needed) for one in undecided]
    groups = {
        equivalence: [(one, found.count) for one, found in needed if found and found.equivalence is equivalence]
        for equivalence in (False, True)
    }
    named = all(groups.values())
    parts = [seeds_part(group, equivalence, named) for equivalence, group in groups.items() if group]
    if not parts:
        smaller = "" if undecided[0].margin is None else f" or that they are below {margin_text(undecided[0])}"
        return f"; no number of seeds below 10,000 would show differences of this size{smaller}"
    return f"; {', and '.join(parts)}"


def seeds_part(group: Sequence[tuple[Comparison, int]], equivalence: bool, named: bool) -> str:
    """`about 8 to 12 seeds would show differences of this size`, with the variants that this is of where named."""
    counts = [count for _, count in group]
    low, high = min(counts), max(counts)
    subject = "it is" if len(group) == 1 else "they are"
    shown = f"that {subject} below {margin_text(group[0][0])}" if equivalence else "differences of this size"
    which = f" for {names(one for one, _ in group)}" if named else ""
    return f"about {low if low == high else f'{low} to {high}'} seeds would show {shown}{which}"


def names(comparisons: Iterable[Comparison]) -> str:
    return listed(dict.fromkeys(label(comparison.variant) for comparison in comparisons))


def listed(parts: Iterable[str]) -> str:
    """`a`, `a and b`, or the first MAX_NAMED and how many more there are."""
    texts = list(parts)
    if len(texts) > MAX_NAMED:
        texts = [*texts[:MAX_NAMED], f"{len(texts) - MAX_NAMED} more"]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def label(variant: Variant) -> str:
    """The variant by its levels, in parentheses where there are several; without a data set that is the baseline's."""
    return variant.words.in_sentence(variant.levels, compared_axes(variant.levels))


def p_text(p: float | None) -> str:
    """`p = 0.012`, `p < 0.001`; `no p-value` where none is known."""
    if p is None:
        return "no p-value"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
