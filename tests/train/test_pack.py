"""Options that may differ within a pack, and optimizer steps."""

import pytest
import torch

from ablate.methods.invariant import Invariant
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.optimizer import Optimizer
from ablate.train.pack import Stacked, TrainingPack, common_settings, float_settings
from ablate.train.recipe import Recipe


class StackedFit(Fit):
    """Uses the pack of an accelerator on the CPU."""

    def pack_type(self) -> type[TrainingPack]:
        return Stacked


def test_members_of_a_pack_may_differ_in_float_options_only() -> None:
    assert common_settings(Invariant(epsilon=1.0)) == common_settings(Invariant(epsilon=5.0))
    assert common_settings(Invariant(sinkhorn_lambda=0.5)) == common_settings(Invariant(sinkhorn_lambda=0.9))
    assert common_settings(Invariant(sinkhorn_lambda=0.5)) != common_settings(Invariant())
    assert common_settings(Invariant(k=50)) != common_settings(Invariant(k=100))
    assert common_settings(Recipe(learning_rate=1e-3)) == common_settings(Recipe())
    assert common_settings(Recipe(epochs=3)) != common_settings(Recipe())


def test_an_option_of_several_types_may_differ_while_it_holds_a_float() -> None:
    assert "sinkhorn_lambda" in float_settings(Invariant(sinkhorn_lambda=0.5))
    assert "sinkhorn_lambda" not in float_settings(Invariant())
    assert "k" not in float_settings(Invariant())


def test_members_of_a_stacked_pack_use_their_own_float_options() -> None:
    methods = [Invariant(k=6, sinkhorn_lambda=value) for value in (0.5, 0.7, 0.9)]
    data = TrainingSet(torch.rand(16, 5, generator=torch.Generator().manual_seed(0)), torch.zeros(16).long(), 1.0)
    fit = StackedFit(methods, [Recipe(epochs=2, batch_size=8)] * 3, [0, 0, 0], data, torch.device("cpu"))
    next(fit.steps())
    torch.testing.assert_close(fit.sums["smoothness"], torch.tensor([0.5, 0.7, 0.9]))
    low, middle, high = fit.sums["target_entropy"].tolist()
    assert low < middle < high


def test_a_gradient_in_another_memory_layout_updates_the_right_entries() -> None:
    """Adam's first step moves every entry by its rate against the sign of the gradient."""
    params = {"weight": torch.zeros(2, 3)}
    signs = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
    Optimizer(params, Recipe(), {}).step([signs.t()], rate=0.1)
    torch.testing.assert_close(params["weight"], -0.1 * signs.t())


def test_momentum_and_weight_decay_match_a_calculation_by_hand() -> None:
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
def test_optimizer_steps_equal_those_of_torchs_classes(recipe: Recipe) -> None:
    """Torch's unfused class, over two tensors and three steps."""
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
def test_an_optimizer_continues_from_its_saved_state(recipe: Recipe) -> None:
    whole = {"weight": torch.ones(3)}
    first, gradients = Optimizer(whole, recipe, {}), [torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.3, 1.0, -1.0])]
    first.step(gradients[:1], 0.1)
    resumed = {"weight": whole["weight"].clone()}
    second = Optimizer(resumed, recipe, first.saved())
    first.step(gradients[1:], 0.1)
    second.step(gradients[1:], 0.1)
    assert torch.equal(whole["weight"], resumed["weight"])
