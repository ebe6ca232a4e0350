"""The paper's schedule."""

from ablate.train.recipe import Recipe


def test_the_learning_rate_falls_after_a_fifth_of_training() -> None:
    recipe = Recipe()
    assert [recipe.rate(progress) for progress in (0.0, 0.199, 0.2, 0.999)] == [5e-4, 5e-4, 1e-4, 1e-4]


def test_the_learning_rate_can_stay() -> None:
    assert Recipe(late_from=1.0).rate(0.999) == 5e-4


def test_defaults_are_the_papers() -> None:
    assert (Recipe().epochs, Recipe().batch_size) == (5000, 256)
