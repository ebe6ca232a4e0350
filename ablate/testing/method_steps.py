"""Small fits of any method, for its contract suite: inputs, starts, steps, and the spread that rounding explains."""

import dataclasses
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from ablate.data_info import DataInfo
from ablate.methods.method import Method, Tensors
from ablate.train.checkpoint import Checkpoint
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.pack import Stacked, TrainingPack
from ablate.train.recipe import Recipe

SAMPLES, BATCH, CLASSES = 40, 8, 3
RECIPE = Recipe(epochs=4, batch_size=BATCH)
STEPS = 20  # of the recipe
CPU, CUDA = torch.device("cpu"), torch.device("cuda")
ROUNDED = ("mm", "mv", "linear", "convolution", "batch_norm")  # in the names of operations that networks are made of

LossArguments = tuple[Tensors, Tensors, Tensors, Tensors]


class StackedFit(Fit):
    """Trains in one stack, as on an accelerator."""

    def pack_type(self) -> type[TrainingPack]:
        return Stacked


class RandomRounding(TorchDispatchMode):
    """Operations of networks get relative errors, uniform in ±`unit`, in every factor and every result."""

    def __init__(self, unit: float, seed: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch declares no types for it
        self.unit = unit
        self.generator = torch.Generator().manual_seed(seed)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not any(name in func._schema.name for name in ROUNDED):
            return func(*args, **(kwargs or {}))
        return tree_map(self.rounded, func(*tree_map(self.rounded, args), **(kwargs or {})))

    def rounded(self, value: Any) -> Any:
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return value
        error = 2 * torch.rand(value.shape, generator=self.generator, dtype=value.dtype) - 1
        return value * (1 + self.unit * error)


def info_for(method: Method, batch_size: int = BATCH) -> DataInfo:
    return DataInfo(method.small_shape, SAMPLES, CLASSES, batch_size)


def data_for(method: Method) -> TrainingSet:
    """Random inputs in [0, 1] of the method's small shape."""
    inputs = torch.rand(SAMPLES, *method.small_shape, generator=torch.Generator().manual_seed(0))
    return TrainingSet(inputs, torch.arange(SAMPLES) % CLASSES, 1.0)


def loss_arguments(method: Method, seed: int = 0) -> LossArguments:
    """Parameters, state, a batch and noise."""
    generator = torch.Generator().manual_seed(seed)
    data = data_for(method)
    solved = None if method.objectives else method.solve(data.inputs, generator)
    params, state = solved or method.init(info_for(method), generator)
    if method.pretraining():
        params, state = method.load_pretrained(params, state, pretrained(method))
    batch = {**data.batch(torch.arange(BATCH)), "progress": torch.tensor(0.3)}
    return params, state, batch, method.draw(batch, generator)


def pretrained(method: Method) -> Tensors:
    """The encoder of the method's pretraining before its first step."""
    from ablate.methods import METHODS

    first = method.pretraining()
    assert first is not None
    before: Any = METHODS[first.method]
    tensors = before(**first.settings).init(info_for(method), torch.Generator().manual_seed(7))
    return exported(before, *tensors)


def exported(method: Method | type[Method], params: Tensors, state: Tensors) -> Tensors:
    """The parameters and state that `embed` needs."""
    return {name: tensor for name, tensor in {**params, **state}.items() if name.startswith(method.exported)}


def losses(method: Method, arguments: LossArguments) -> list[tuple[Tensor, Tensors, Tensors]]:
    """What each objective returns."""
    return [getattr(method, objective.loss)(*arguments) for objective in method.objectives]


def run(
    kind: type[Fit],
    methods: list[Method],
    seeds: list[int],
    steps: int,
    *,
    double: bool = False,
    recipe: Recipe = RECIPE,
    device: torch.device = CPU,
    resume: Checkpoint | None = None,
    mode: AbstractContextManager[Any] | None = None,
) -> Fit:
    """A fit after some steps from its start, or from a checkpoint of one trial, in single or double precision."""
    data = data_for(methods[0])
    recipes = [recipe] * len(methods)
    first = [pretrained(method) for method in methods if method.pretraining()]
    fit = kind(methods, recipes, seeds, data, device, [resume] if resume else [], first)
    if double:
        data = TrainingSet(data.inputs.double(), data.labels, data.scale)
        starts = [resume] if resume else [in_double(fit.checkpoint(k)) for k in range(len(methods))]
        fit = kind(methods, recipes, seeds, data, device, starts, first)
    with mode or nullcontext():
        for _ in islice(fit.steps(), steps):
            pass
    return fit


def in_double(checkpoint: Checkpoint) -> Checkpoint:
    """A checkpoint whose parameters and state are double precision."""

    def wide(tensors: Tensors) -> Tensors:
        return {name: t.double() if t.is_floating_point() else t for name, t in tensors.items()}

    return dataclasses.replace(checkpoint, params=wide(checkpoint.params), state=wide(checkpoint.state))


def tensors_of(fit: Fit, member: int) -> Tensors:
    """Parameters and state of a member."""
    found = fit.checkpoint(member)
    return {**found.params, **found.state}


def rounding_bounds(method: Method, exact: Fit, unit: float, draws: int = 5) -> Mapping[str, float]:
    """Loss → how far a step whose arithmetic has this unit roundoff may be from the exact one.

    Four times the largest deviation that random relative errors of that size caused in some draws, and the rounding
    of the loss itself.
    """
    fits = [run(Fit, [method], [0], 1, mode=RandomRounding(unit, seed)) for seed in range(draws)]
    bounds = {}
    for name in exact.pack.losses:
        loss = exact.sums[name][0]
        deviation = max(float((fit.sums[name][0] - loss).abs()) for fit in fits)
        bounds[name] = 4 * deviation + unit * float(loss.abs())
    return bounds


def same(first: Tensors, second: Tensors) -> bool:
    """Whether both have the same names and bitwise equal values."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
