"""Variants as text."""

from collections.abc import Callable

from ablate.draw.labels import variant_label
from ablate.stats.results import Result
from ablate.stats.variants import variants_of
from ablate.study.model import Study


def test_a_variant_is_labelled_by_its_levels_on_the_axes_that_it_has(
    make_study: Callable[..., Study], make_result: Callable[..., Result]
) -> None:
    study = make_study({"axes": {"method.k": (50,)}})
    (variant,) = variants_of(study, [make_result({"method.k": 50}, 0, 0.5)], "linear/accuracy")
    assert variant_label(variant, ("dataset", "method.k", "method.epsilon")) == "fsdd, k=50"
