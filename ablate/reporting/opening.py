"""The first sentences of an answer: what holds over all data sets, and which axes matter."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ablate.draw.numbers import estimate_text
from ablate.reporting.answer import (
    absolute_text,
    listed,
    margin_text,
    measured,
    p_text,
    place,
    size,
    slope_text,
    trend_sentence,
)
from ablate.reporting.links import Links
from ablate.stats.across_datasets import DifferenceOverDatasets
from ablate.stats.axis_trends import AxisTrend
from ablate.stats.comparisons import Comparison, place_of
from ablate.stats.conclusion import Conclusion
from ablate.stats.holm import holm
from ablate.stats.seeds_needed import LEAST_SEEDS
from ablate.stats.statements import LEVEL
from ablate.stats.variants import Variant
from ablate.study.model import compared_axes

SHOWN = (Conclusion.HIGHER, Conclusion.LOWER)


def opening(
    comparisons: Sequence[Comparison],
    trends: Sequence[AxisTrend],
    over_datasets: Sequence[DifferenceOverDatasets],
    better: int,
) -> Iterator[str]:
    """A sentence on all data sets, then one for each axis; `better` is −1 where lower scores are better, 0 if unknown.

    An axis is judged by the variants that differ from the baseline in it alone.
    """
    if over_datasets:
        yield over_datasets_sentence(over_datasets, better)
    for axis, members in by_axis(comparisons).items():
        yield axis_sentence(axis, members, [one for one in trends if one.axis == axis and one.shown], better)


def by_axis(comparisons: Sequence[Comparison]) -> dict[str, list[Comparison]]:
    """The comparisons that a test has been made of, by the one axis that they are along."""
    groups: dict[str, list[Comparison]] = {}
    for one in comparisons:
        varied = [
            axis
            for axis in compared_axes(one.variant.levels)
            if one.variant.levels[axis] != one.baseline.levels.get(axis)
        ]
        tested = one.estimate.n >= LEAST_SEEDS and (one.look is None or bool(one.look.look))
        if len(varied) == 1 and tested:
            groups.setdefault(varied[0], []).append(one)
    return groups


def axis_sentence(axis: str, members: Sequence[Comparison], trends: Sequence[AxisTrend], better: int) -> str:
    """`k matters for linear/accuracy: k=100 beats the baseline, k=50.`; of several places, on which it matters."""
    groups = [[one for one in members if place_of(one.variant) == at] for at in places_of(members)]
    name, quantity = members[0].baseline.words.axis(axis), members[0].baseline.quantity.name
    matters, open_ = f"{name} matters for {quantity}", f"Whether {name} matters for {quantity} is open"
    if len(groups) > 1:
        where = [group for group in groups if matters_in(group, trends)]
        return f"{matters} on {share_of_places(where, groups)}." if where else f"{open_} on {all_places(groups)}."
    if any(one.conclusion in SHOWN for one in members):
        return f"{matters}: {who_beats_whom(axis, members, better)}."
    if trends:
        rises = "rises" if (trends[0].estimate.mean or 0.0) > 0 else "falls"
        return f"{matters}, which {rises} along it; no level alone is shown to differ from the baseline."
    baseline = f"the baseline, {level_of(axis, members[0].baseline)},"
    if all(one.conclusion is Conclusion.EQUIVALENT for one in members):
        return f"{name} hardly matters for {quantity}: no level differs from {baseline} by {margin_text(members[0])}."
    return f"{open_}: no difference from {baseline} is shown."


def places_of(members: Sequence[Comparison]) -> dict[tuple[int, str], None]:
    return dict.fromkeys(place_of(one.variant) for one in members)


def matters_in(group: Sequence[Comparison], trends: Sequence[AxisTrend]) -> bool:
    """Whether a difference from the baseline of this place is shown, or a trend from it."""
    return any(one.conclusion in SHOWN for one in group) or any(one.baseline == group[0].baseline for one in trends)


def share_of_places(some: Sequence[Sequence[Comparison]], groups: Sequence[Sequence[Comparison]]) -> str:
    """`fsdd and mnist, 2 of 5 data sets`, or `each of 5 data sets`."""
    if len(some) == len(groups):
        return all_places(groups)
    return f"{listed(place(group[0].baseline, groups) for group in some)}, {len(some)} of {kind_of_places(groups)}"


def all_places(groups: Sequence[Sequence[Comparison]]) -> str:
    return f"each of {kind_of_places(groups)}"


def kind_of_places(groups: Sequence[Sequence[Comparison]]) -> str:
    """`5 data sets`, or `5 cases` where these are not told apart by their data sets alone."""
    datasets = {group[0].baseline.config.dataset for group in groups}
    return f"{len(groups)} {'data sets' if len(datasets) == len(groups) else 'cases'}"


def who_beats_whom(axis: str, members: Sequence[Comparison], better: int) -> str:
    """`k=100 beats the baseline, k=50, which beats k=20`, the largest differences first."""
    shown = sorted((one for one in members if one.conclusion in SHOWN), key=lambda one: -abs(one.estimate.mean or 0.0))
    baseline = f"the baseline, {level_of(axis, members[0].baseline)}"
    if better == 0:
        return f"{levels(axis, shown)} {'differs' if len(shown) == 1 else 'differ'} from {baseline}"
    winning = Conclusion.HIGHER if better > 0 else Conclusion.LOWER
    winners = [one for one in shown if one.conclusion is winning]
    losers = [one for one in shown if one.conclusion is not winning]
    if not winners:
        return f"{baseline}, beats {levels(axis, losers)}"
    beat = f"{levels(axis, winners)} {'beats' if len(winners) == 1 else 'beat'} {baseline}"
    return f"{beat}, which beats {levels(axis, losers)}" if losers else beat


def levels(axis: str, comparisons: Sequence[Comparison]) -> str:
    return listed(level_of(axis, one.variant) for one in comparisons)


def level_of(axis: str, variant: Variant) -> str:
    return variant.words.assignment(axis, variant.levels[axis])


def over_datasets_sentence(over_datasets: Sequence[DifferenceOverDatasets], better: int) -> str:
    """`Over 5 data sets, k=100 beats the baseline (by 0.05 ± 0.02, p = 0.003 after Holm, t-test of their means).`"""
    tested = holm([1.0 if one.p_value is None else one.p_value for one in over_datasets])
    shown = [(one, p) for one, p in zip(over_datasets, tested, strict=True) if p <= LEVEL]
    start = f"Over {max(one.estimate.n for one in over_datasets)} data sets"
    if not shown:
        largest = max(over_datasets, key=lambda one: abs(one.estimate.mean or 0.0))
        difference = largest.quantity.difference(estimate_text(largest.estimate.times(largest.quantity.factor)))
        return f"{start}, no difference from the baseline is shown; the largest is {difference}, of {largest.label}."
    return f"{start}, {listed(over_datasets_part(one, p, better) for one, p in shown)}."


def over_datasets_part(one: DifferenceOverDatasets, p: float, better: int) -> str:
    """`k=100 beats the baseline (by 0.05 ± 0.02, p = 0.003 after Holm, t-test of their means)`."""
    sign = 1 if (one.estimate.mean or 0.0) > 0 else -1
    amount = f"by {absolute_text(one.estimate, one.quantity)}, {p_text(p)} after Holm, t-test of their means"
    if better == 0:
        return f"{one.label} is {'higher' if sign > 0 else 'lower'} than the baseline ({amount})"
    return f"{one.label} {'beats' if sign == better else 'is beaten by'} the baseline ({amount})"


def answer_links(
    comparisons: Sequence[Comparison],
    trends: Sequence[AxisTrend],
    over_datasets: Sequence[DifferenceOverDatasets],
    links: Links,
) -> dict[str, tuple[str, str]]:
    """The phrases of an answer with a number: phrase → the number, and the address of the run or runs it is from.

    A phrase that two comparisons have, as on two data sets, is left out.
    """
    phrases = [(measured(one), size(one), links.variant(one.variant.key)) for one in comparisons]
    phrases += [(trend_sentence(one), slope_text(one), links.study) for one in trends]
    phrases += [
        (f"by {absolute_text(one.estimate, one.quantity)}, ", absolute_text(one.estimate, one.quantity), links.study)
        for one in over_datasets
    ]
    counts = Counter(phrase for phrase, _, _ in phrases)
    return {phrase: (number, to) for phrase, number, to in phrases if to and counts[phrase] == 1}
