"""The paper's schedule."""

import pytest

from ablate.train.recipe import Recipe


def test_the_learning_rate_falls_after_a_fifth_of_training() -> None:
    recipe = Recipe()
    assert [recipe.rate(progress) for progress in (0.0, 0.199, 0.2, 0.999)] == [5e-4, 5e-4, 1e-4, 1e-4]


def test_the_learning_rate_can_stay() -> None:
    assert Recipe(late_from=1.0).rate(0.999) == 5e-4


def test_defaults_are_the_papers() -> None:
    assert (Recipe().epochs, Recipe().batch_size) == (5000, 256)


def test_a_warm_up_rises_from_zero_to_the_learning_rate() -> None:
    recipe = Recipe(epochs=10, learning_rate=0.4, warm_up=2.0, schedule="constant")
    assert [recipe.rate(progress) for progress in (0.0, 0.05, 0.1, 0.2, 0.9)] == pytest.approx(
        [0.0, 0.1, 0.2, 0.4, 0.4]
    )


def test_half_a_cosine_begins_where_the_warm_up_ends() -> None:
    recipe = Recipe(epochs=10, learning_rate=0.4, warm_up=2.0, schedule="cosine")
    assert [recipe.rate(progress) for progress in (0.1, 0.2, 0.6, 1.0)] == pytest.approx([0.2, 0.4, 0.2, 0.0])


def test_rate_and_warm_up_grow_with_the_batch() -> None:
    """Twice the reference: twice the rate, reached after twice as many epochs (Falcon et al. 2021, figure 4a)."""
    recipe = Recipe(epochs=40, batch_size=512, reference_batch=256, learning_rate=0.1, warm_up=5.0, schedule="constant")
    assert [recipe.rate(progress) for progress in (0.125, 0.25, 0.5)] == [0.1, 0.2, 0.2]
