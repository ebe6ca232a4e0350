"""The learning-rate schedule of a recipe."""

import pytest

from ablate.train.recipe import Recipe


def test_the_learning_rate_drops_after_a_fifth_of_training() -> None:
    recipe = Recipe()
    assert [recipe.rate(progress) for progress in (0.0, 0.199, 0.2, 0.999)] == [5e-4, 5e-4, 1e-4, 1e-4]


def test_late_from_one_keeps_the_learning_rate() -> None:
    assert Recipe(late_from=1.0).rate(0.999) == 5e-4


def test_defaults_are_those_of_ntelemis_et_al() -> None:
    assert (Recipe().epochs, Recipe().batch_size) == (5000, 256)


def test_the_warm_up_rises_linearly_from_zero() -> None:
    recipe = Recipe(epochs=10, learning_rate=0.4, warm_up=2.0, schedule="constant")
    assert [recipe.rate(progress) for progress in (0.0, 0.05, 0.1, 0.2, 0.9)] == pytest.approx(
        [0.0, 0.1, 0.2, 0.4, 0.4]
    )


def test_the_cosine_schedule_begins_where_the_warm_up_ends() -> None:
    recipe = Recipe(epochs=10, learning_rate=0.4, warm_up=2.0, schedule="cosine")
    assert [recipe.rate(progress) for progress in (0.1, 0.2, 0.6, 1.0)] == pytest.approx([0.2, 0.4, 0.2, 0.0])


def test_learning_rate_and_warm_up_scale_with_the_batch_size() -> None:
    """Twice the reference batch: twice the rate, reached after twice as many epochs (Falcon et al. 2021, figure 4a)."""
    recipe = Recipe(epochs=40, batch_size=512, reference_batch=256, learning_rate=0.1, warm_up=5.0, schedule="constant")
    assert [recipe.rate(progress) for progress in (0.125, 0.25, 0.5)] == [0.1, 0.2, 0.2]
