"""What may differ within a pack, and that it does."""

import pytest
import torch

from ablate.methods.invariant import Invariant
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.optimizer import Optimizer
from ablate.train.pack import Pack, Stacked, float_settings, shared
from ablate.train.recipe import Recipe


class StackedFit(Fit):
    """Trains as on an accelerator."""

    def kind(self) -> type[Pack]:
        return Stacked


def test_only_floats_may_differ() -> None:
    assert shared(Invariant(epsilon=1.0)) == shared(Invariant(epsilon=5.0))
    assert shared(Invariant(smoothness=0.5)) == shared(Invariant(smoothness=0.9))
    assert shared(Invariant(smoothness=0.5)) != shared(Invariant())
    assert shared(Invariant(k=50)) != shared(Invariant(k=100))
    assert shared(Recipe(learning_rate=1e-3)) == shared(Recipe())
    assert shared(Recipe(epochs=3)) != shared(Recipe())


def test_a_setting_that_may_be_a_float_counts_while_it_is_one() -> None:
    assert "smoothness" in float_settings(Invariant(smoothness=0.5))
    assert "smoothness" not in float_settings(Invariant())
    assert "k" not in float_settings(Invariant())


def test_constant_smoothness_differs_within_a_stack() -> None:
    methods = [Invariant(k=6, smoothness=value) for value in (0.5, 0.7, 0.9)]
    data = TrainingSet(torch.rand(16, 5, generator=torch.Generator().manual_seed(0)), torch.zeros(16).long(), 1.0)
    fit = StackedFit(methods, [Recipe(epochs=2, batch_size=8)] * 3, [0, 0, 0], data, torch.device("cpu"))
    next(fit.steps())
    torch.testing.assert_close(fit.sums["smoothness"], torch.tensor([0.5, 0.7, 0.9]))
    low, middle, high = fit.sums["target_entropy"].tolist()
    assert low < middle < high


def test_a_gradient_in_another_layout_updates_what_it_belongs_to() -> None:
    """Adam's first step moves every entry by its rate against the sign of the gradient."""
    params = {"weight": torch.zeros(2, 3)}
    signs = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
    Optimizer(params, Recipe(), {}).step([signs.t()], rate=0.1)
    torch.testing.assert_close(params["weight"], -0.1 * signs.t())


def test_momentum_and_decay_are_those_of_the_textbook() -> None:
    """v ← 0.5 v + g + 0.1 w, w ← w − v, in two steps from w = 1 with g = 1: v = 1.1, w = −0.1; v = 1.54, w = −1.64."""
    params = {"weight": torch.ones(1)}
    optimizer = Optimizer(params, Recipe(optimizer="sgd", momentum=0.5, weight_decay=0.1), {})
    for wanted in (-0.1, -1.64):
        optimizer.step([torch.ones(1)], rate=1.0)
        torch.testing.assert_close(params["weight"], torch.tensor([wanted]))


RECIPES = pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(adam_epsilon=1e-3, weight_decay=0.1),
        Recipe(optimizer="sgd"),
        Recipe(optimizer="sgd", nesterov=True),
        Recipe(optimizer="sgd", momentum=0.0),
    ],
    ids=["adam", "decay", "momentum", "nesterov", "plain"],
)


@RECIPES
def test_an_optimizer_steps_as_torchs_class_does(recipe: Recipe) -> None:
    """The unfused one of torch, over two tensors and three steps."""
    generator = torch.Generator().manual_seed(0)
    ours = {"weight": torch.randn(3, 2, generator=generator), "bias": torch.randn(2, generator=generator)}
    theirs = [tensor.clone() for tensor in ours.values()]
    optimizer = Optimizer(ours, recipe, {})
    decay, eps, momentum = recipe.weight_decay, recipe.adam_epsilon, recipe.momentum
    torchs = (
        torch.optim.Adam(theirs, 0.1, eps=eps, weight_decay=decay)
        if recipe.optimizer == "adam"
        else torch.optim.SGD(theirs, 0.1, momentum=momentum, nesterov=recipe.nesterov, weight_decay=decay)
    )
    for _ in range(3):
        gradients = [torch.randn(tensor.shape, generator=generator) for tensor in theirs]
        optimizer.step(gradients, 0.1)
        for tensor, gradient in zip(theirs, gradients, strict=True):
            tensor.grad = gradient
        torchs.step()
    for tensor, wanted in zip(ours.values(), theirs, strict=True):
        torch.testing.assert_close(tensor, wanted)


@RECIPES
def test_an_optimizer_goes_on_from_its_memory(recipe: Recipe) -> None:
    whole = {"weight": torch.ones(3)}
    first, gradients = Optimizer(whole, recipe, {}), [torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.3, 1.0, -1.0])]
    first.step(gradients[:1], 0.1)
    resumed = {"weight": whole["weight"].clone()}
    second = Optimizer(resumed, recipe, first.memory())
    first.step(gradients[1:], 0.1)
    second.step(gradients[1:], 0.1)
    assert torch.equal(whole["weight"], resumed["weight"])
