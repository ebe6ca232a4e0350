"""Comparisons of variants with the baseline of their case, and what a study's seeds can decide about them."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ablate.stats.conclusion import Conclusion
from ablate.stats.equivalence import equivalence_test
from ablate.stats.estimate import Estimate
from ablate.stats.holm import holm
from ablate.stats.paired import PairedDifference
from ablate.stats.seeds_needed import LEAST_SEEDS, SeedsNeeded, seeds_for_equivalence, seeds_needed
from ablate.stats.sequential import LookResult, Looks, take_looks
from ablate.stats.skewness import is_skewed
from ablate.stats.statements import LEVEL
from ablate.stats.student import quantile
from ablate.stats.variants import Variant
from ablate.study.seeds import SeedRule


@dataclass(frozen=True)
class Comparison:
    """A variant's scores minus those of the baseline, by seed.

    The rule of decision: a difference exists where the p-value of the paired t-test is at most 5 % after Holm's
    correction over the study's comparisons; none of the margin's size exists where that of the equivalence test is.
    Where seeds are added while comparisons are undecided, the repeated interval decides instead (`sequential`).
    """

    variant: Variant
    baseline: Variant
    difference: PairedDifference
    p_adjusted: float | None  # of the paired t-test, by Holm's rule
    p_equivalent: float | None  # of the equivalence test, by Holm's rule; None without a margin
    margin: float | None
    comparisons: int  # of the study
    look: LookResult | None = None  # where seeds are added; None where their number is fixed

    @property
    def estimate(self) -> Estimate:
        """The mean difference with the interval that belongs to the rule of decision."""
        return self.difference.estimate if self.look is None else self.look.estimate

    @property
    def conclusion(self) -> Conclusion:
        if self.look is not None:
            return self.look.conclusion
        mean = self.difference.estimate.mean
        if mean is None or self.difference.estimate.n < LEAST_SEEDS:
            return Conclusion.UNDECIDED
        if self.p_adjusted is not None and self.p_adjusted <= LEVEL:
            return Conclusion.HIGHER if mean > 0 else Conclusion.LOWER
        equivalent = self.p_equivalent is not None and self.p_equivalent <= LEVEL
        return Conclusion.EQUIVALENT if equivalent else Conclusion.UNDECIDED

    @property
    def bootstrap(self) -> tuple[float, float] | None:
        """The bootstrap interval of the mean difference; None where there is none, or where seeds were added."""
        return self.difference.bootstrap if self.look is None else None

    @property
    def simultaneous(self) -> tuple[float, float] | None:
        """The interval that holds for all comparisons of the study together with 95 % (Bonferroni).

        Of a difference that it excludes 0 of, Holm's rule always shows that it exists.  None for a single comparison,
        for fewer than two seeds, and where seeds were added, of which `estimate` has such an interval.
        """
        estimate = self.difference.estimate
        if self.look is not None or self.comparisons < 2 or estimate.mean is None or estimate.std is None:
            return None
        half = quantile(estimate.n - 1, 1 - LEVEL / self.comparisons) * estimate.std / math.sqrt(estimate.n)
        return estimate.mean - half, estimate.mean + half

    @property
    def excludes_zero_unshown(self) -> bool:
        """Whether the interval, which is of this comparison alone, excludes 0 while Holm's correction shows nothing."""
        estimate = self.difference.estimate
        tested = self.look is None and estimate.n >= LEAST_SEEDS
        shown = self.conclusion in (Conclusion.HIGHER, Conclusion.LOWER)
        return tested and not shown and estimate.excludes_zero

    @property
    def permutation_disagrees(self) -> bool:
        """Whether the sign-flip test decides otherwise than the t-test, both without correction."""
        t, permutation = self.difference.p_value, self.difference.p_permutation
        return t is not None and permutation is not None and (t <= LEVEL) != (permutation <= LEVEL)

    @property
    def is_skewed(self) -> bool:
        """Whether the differences are more skewed than normally distributed ones are."""
        return is_skewed(self.difference.values)

    @property
    def seeds_needed(self) -> SeedsNeeded | None:
        """The seeds that would decide a comparison whose mean and deviation stay as they are (power 0.8).

        Those that show the difference or, where there is a margin and these are fewer, that it is smaller than the
        margin.  None for a comparison that is decided, or to which seeds are added by a rule of its own.
        """
        if self.conclusion is not Conclusion.UNDECIDED or self.look is not None:
            return None
        mean, std, alpha = self.estimate.mean or 0.0, self.estimate.std, LEVEL / max(1, self.comparisons)
        shown = seeds_needed(mean, std, alpha=alpha)
        within = None if self.margin is None else seeds_for_equivalence(mean, self.margin, std, alpha)
        known = [(count, kind) for count, kind in ((shown, False), (within, True)) if count is not None]
        return SeedsNeeded(*min(known)) if known else None

    def numbers(self) -> dict[str, float | str | None]:
        """Mean difference with interval, tests and conclusion, by the names that they have in files."""
        return {
            **asdict(self.estimate),
            "simultaneous_low": self.simultaneous[0] if self.simultaneous else None,
            "simultaneous_high": self.simultaneous[1] if self.simultaneous else None,
            "bootstrap_low": self.bootstrap[0] if self.bootstrap else None,
            "bootstrap_high": self.bootstrap[1] if self.bootstrap else None,
            "p": self.difference.p_value,
            "p_holm": self.p_adjusted,
            "p_sign_flips": self.difference.p_permutation,
            "p_equivalent": self.p_equivalent,
            "effect_size": self.difference.effect_size,
            "outperforms": self.difference.probability_of_outperforming,
            "variance_ratio": self.difference.variance_ratio,
            "conclusion": str(self.conclusion),
            **self.seeds_numbers(),
            **self.look_numbers(),
        }

    def seeds_numbers(self) -> dict[str, float | str | None]:
        """How many seeds would probably decide, and what they would show: `difference` or `equivalence`."""
        needed = self.seeds_needed
        if needed is None:
            return {"seeds_needed": None, "seeds_needed_for": None}
        return {"seeds_needed": needed.count, "seeds_needed_for": "equivalence" if needed.equivalence else "difference"}

    def look_numbers(self) -> dict[str, float | str | None]:
        """At which look the comparison stands, of how many, and the boundary of its statistic; none for fixed seeds."""
        if self.look is None:
            return {}
        boundary = self.look.boundary if self.look.look else None
        return {"look": self.look.look, "looks": len(self.look.schedule), "boundary": boundary}


@dataclass(frozen=True)
class SeedsWanted:
    """How many seeds a variant is to have."""

    now: int
    most: int  # more seeds than this are not added later


def compare_with_baselines(
    variants: Sequence[Variant], better: int, margin: float | None = None, rule: SeedRule | None = None
) -> tuple[Comparison, ...]:
    """A comparison of each variant with the baseline of its case, in the order of the variants.

    `better` is +1 where higher scores are better, −1 where lower ones are, 0 where neither is.  Cases without a
    baseline, variants that share no seed with it, and those that a pruner stopped are left out.  `rule`: the seeds were
    added by it.
    """
    planned = [pair for pair in with_baselines(variants) if not pair[0].stopped]
    pairs = [pair for pair in planned if pair[0].scores.keys() & pair[1].scores.keys()]
    differences = [PairedDifference.of(variant.scores, baseline.scores, better) for variant, baseline in pairs]
    adjusted = adjusted_where_known([difference.p_value for difference in differences])
    equivalent = adjusted_where_known(
        [None if margin is None else equivalence_test(difference.values, margin) for difference in differences]
    )
    looks = None if rule is None else looks_at(planned, rule, margin)
    return tuple(
        Comparison(
            variant,
            baseline,
            difference,
            p,
            p_equivalent,
            margin,
            len(pairs),
            None if looks is None else take_looks(variant.ended, baseline.ended, looks),
        )
        for (variant, baseline), difference, p, p_equivalent in zip(
            pairs, differences, adjusted, equivalent, strict=True
        )
    )


def with_baselines(variants: Sequence[Variant]) -> list[tuple[Variant, Variant]]:
    """Each variant with the baseline of its case and data set, of those that have one."""
    baselines = {place_of(variant): variant for variant in variants if variant.baseline}
    others = [variant for variant in variants if not variant.baseline]
    return [(variant, baselines[place_of(variant)]) for variant in others if place_of(variant) in baselines]


def place_of(variant: Variant) -> tuple[int, str]:
    """The case and the data set, where variants have the same baseline; the case alone where only data sets vary."""
    return variant.case, "" if set(variant.levels) == {"dataset"} else variant.config.dataset


def looks_at(pairs: Sequence[tuple[Variant, Variant]], rule: SeedRule, margin: float | None) -> Looks:
    """The looks that a rule takes at these comparisons."""
    return Looks(rule.at_least, rule.at_most, len(pairs), margin)


def seeds_wanted(variants: Sequence[Variant], rule: SeedRule, margin: float | None) -> dict[str, SeedsWanted]:
    """The seeds that variants are to have by a rule, by the key of the variant, from the trials that have ended.

    A variant has as many as its comparison with the baseline takes, and the baseline as many as any of them.
    """
    pairs = with_baselines(variants)
    looks = looks_at(pairs, rule, margin)
    found = {variant.key: SeedsWanted(rule.at_least, rule.at_least) for variant in variants}
    for variant, baseline in pairs:
        result = take_looks(variant.ended, baseline.ended, looks)
        wanted = SeedsWanted(result.wanted, rule.at_most if result.open else result.wanted)
        for member in (variant, baseline):
            held = found[member.key]
            found[member.key] = SeedsWanted(max(held.now, wanted.now), max(held.most, wanted.most))
    return found


def adjusted_where_known(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's correction of the p-values that are known."""
    adjusted = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(adjusted) for p in p_values]
