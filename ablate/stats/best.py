"""The best variants: that with the best mean, and those that its paired scores do not distinguish from it."""

from collections.abc import Hashable, Iterable, Mapping, Sequence

from ablate.stats.comparisons import adjusted_where_known
from ablate.stats.paired import PairedDifference
from ablate.stats.seeds_needed import LEAST_SEEDS
from ablate.stats.statements import LEVEL
from ablate.stats.variants import Variant


def best_of(variants: Sequence[Variant], better: int) -> frozenset[int]:
    """The positions of the best variant and of those that are not distinguished from it at 5 %.

    Each is compared with the best by the paired t-test, with Holm's correction over them.  The best of many means is
    biased, so that a difference is found a little too often.  Empty where no direction is better (`better` 0), for
    fewer than two variants with a mean, and where the best has fewer than three seeds.
    """
    scored = {at: mean for at, variant in enumerate(variants) if (mean := variant.estimate.mean) is not None}
    if better == 0 or len(scored) < 2:
        return frozenset()
    first = max(scored, key=lambda at: better * scored[at])
    if variants[first].estimate.n < LEAST_SEEDS:
        return frozenset()
    others = [at for at in scored if at != first]
    differences = [PairedDifference.of(variants[first].scores, variants[at].scores, better) for at in others]
    adjusted = adjusted_where_known([difference.p_value for difference in differences])
    same = [
        at
        for at, difference, p in zip(others, differences, adjusted, strict=True)
        if difference.estimate.n >= LEAST_SEEDS and p is not None and p > LEVEL
    ]
    return frozenset([first, *same])


def best_in_groups(variants: Sequence[Variant], better: int) -> frozenset[int]:
    """The positions of the best variants of each data set, since scores on different data are not compared."""
    groups: dict[Hashable, list[int]] = {}
    for at, variant in enumerate(variants):
        groups.setdefault(variant.config.dataset, []).append(at)
    return frozenset(_in_place(groups, variants, better))


def _in_place(groups: Mapping[Hashable, Sequence[int]], variants: Sequence[Variant], better: int) -> Iterable[int]:
    for members in groups.values():
        best = best_of([variants[at] for at in members], better)
        yield from (members[at] for at in best)
