"""Trials that train together: looped on a CPU, stacked on an accelerator, where steps are captured as CUDA graphs."""

from __future__ import annotations

import dataclasses
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ablate.deferred import torch
from ablate.methods.method import Method, Objective, Tensors, with_prefix
from ablate.nets import stacking
from ablate.nets.precision import step_precision
from ablate.options import options_of
from ablate.train.checkpoint import Checkpoint
from ablate.train.cuda_graph import GraphedStep
from ablate.train.data import TrainingSet
from ablate.train.optimizer import Optimizer
from ablate.train.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor


class TrainingPack(ABC):
    """K members that take a step each per call; they share a data set and every setting that is not a float.

    `members` are those that still train, by their positions 0 ... K - 1; `drop` removes one between two steps.  The
    remaining members keep their positions, and on a CPU their numbers are the same with and without the dropped one.
    """

    def __init__(
        self,
        methods: Sequence[Method],
        recipes: Sequence[Recipe],
        starts: Sequence[Checkpoint],
        generators: Sequence[torch.Generator],
        data: TrainingSet,
    ) -> None:
        self.methods = methods
        self.recipes = recipes
        self.generators = generators
        self.data = data
        self.device = data.inputs.device
        self.precision = recipes[0].precision
        self.objectives = methods[0].objectives
        self.members = tuple(range(len(methods)))
        self.reset_graph()
        self.place(starts)
        self.optimizers = [
            [
                Optimizer(trained_params(objective, self.params(member)), recipes[member], saved)
                for objective, saved in zip(self.objectives, states, strict=True)
            ]
            for member, states in enumerate(start.optimizers or ({},) * len(self.objectives) for start in starts)
        ]

    @abstractmethod
    def place(self, starts: Sequence[Checkpoint]) -> None:
        """Copy the parameters and the state of every member to the device."""

    @abstractmethod
    def params(self, member: int) -> Tensors:
        """The member's parameters: the tensors themselves, which the optimizers update in place."""

    @abstractmethod
    def state(self, member: int) -> Tensors:
        """The member's state, updated in place."""

    def drop(self, member: int) -> None:
        """Continue without a member; to be called between two steps."""
        self.members = tuple(other for other in self.members if other != member)

    def step(self, index: Tensor, progress: float) -> dict[str, Tensor]:
        """Take a step on the samples at index (K, B) → values of the losses (K,), meaningless for dropped members."""
        rates = [recipe.rate(progress) for recipe in self.recipes]
        if self.graphed is not None:
            return self.graphed(index, progress, rates)
        return self.step_in_precision(index, torch.full((), progress, device=self.device), rates)

    def step_in_precision(self, index: Tensor, progress: Tensor, rates: Sequence[Tensor | float]) -> dict[str, Tensor]:
        with step_precision(self.precision, self.device):
            return self.take_step(index, progress, rates)

    @abstractmethod
    def take_step(self, index: Tensor, progress: Tensor, rates: Sequence[Tensor | float]) -> dict[str, Tensor]:
        """Take a step after a share `progress` () of training, with one learning rate per member."""

    def reset_graph(self) -> None:
        """On CUDA, capture the step anew."""
        count, cuda = len(self.methods), self.device.type == "cuda"
        self.graphed = GraphedStep(self.step_in_precision, count, self.generators, self.device) if cuda else None

    def prefix(self, objective: Objective) -> str:
        """The prefix of the values that an objective returns: its name where the method has several, else none."""
        return f"{objective.loss}/" if len(self.objectives) > 1 else ""

    @property
    def losses(self) -> tuple[str, ...]:
        """The names of the objectives' losses among the values of `step`."""
        return tuple(f"{self.prefix(objective)}loss" for objective in self.objectives)


class Looped(TrainingPack):
    """Members are stepped one after the other, each on tensors of its own, without copies."""

    def place(self, starts: Sequence[Checkpoint]) -> None:
        self._params = [
            {name: device_copy(tensor, self.device).requires_grad_() for name, tensor in start.params.items()}
            for start in starts
        ]
        self._state = [
            {name: tensor.to(self.device, copy=True) for name, tensor in start.state.items()} for start in starts
        ]

    def params(self, member: int) -> Tensors:
        return self._params[member]

    def state(self, member: int) -> Tensors:
        return self._state[member]

    def drop(self, member: int) -> None:
        super().drop(member)
        self.reset_graph()  # the graph holds the steps of the members that it was captured with

    def take_step(self, index: Tensor, progress: Tensor, rates: Sequence[Tensor | float]) -> dict[str, Tensor]:
        values = {member: self.step_member(member, index[member], progress, rates[member]) for member in self.members}
        absent = torch.full((), torch.nan, device=self.device)
        names = next(iter(values.values()))
        positions = range(len(self.methods))
        return {name: torch.stack([values[k][name] if k in values else absent for k in positions]) for name in names}

    def step_member(self, member: int, index: Tensor, progress: Tensor, rate: Tensor | float) -> dict[str, Tensor]:
        """One step of one member on the samples at index (B,) → values of its losses, each ()."""
        method, params, state = self.methods[member], self._params[member], self._state[member]
        batch = {**self.data.batch(index), "progress": progress}
        noise = method.draw(batch, self.generators[member])
        values: dict[str, Tensor] = {}
        for objective, optimizer in zip(self.objectives, self.optimizers[member], strict=True):
            loss, shown, new_state = getattr(method, objective.loss)(params, state, batch, noise)
            gradients = torch.autograd.grad(loss, [*optimizer.params.values()], materialize_grads=True)
            update_state(state, new_state)
            optimizer.step(gradients, rate)
            detached = {name: value.detach() for name, value in shown.items()}
            values |= with_prefix(self.prefix(objective), detached)
        return values


class Stacked(TrainingPack):
    """All members are stepped at once by `torch.func.vmap`, on tensors stacked along a first dimension K.

    A dropped member is still computed, since the shapes are fixed; its values are ignored.
    """

    def place(self, starts: Sequence[Checkpoint]) -> None:
        self._params = stack_tensors([start.params for start in starts], self.device)
        self._state = stack_tensors([start.state for start in starts], self.device)
        self.float_values = {
            name: torch.tensor([getattr(method, name) for method in self.methods], device=self.device)
            for name in float_settings(self.methods[0])
        }
        self.gradients = [self.stacked_gradient(objective) for objective in self.objectives]

    def params(self, member: int) -> Tensors:
        return {name: tensor[member] for name, tensor in self._params.items()}

    def state(self, member: int) -> Tensors:
        return {name: tensor[member] for name, tensor in self._state.items()}

    def take_step(self, index: Tensor, progress: Tensor, rates: Sequence[Tensor | float]) -> dict[str, Tensor]:
        batch = {**self.data.batch(index), "progress": progress}
        noise = self.draw_noise(batch)
        values: dict[str, Tensor] = {}
        for position, objective in enumerate(self.objectives):
            trained = trained_params(objective, self._params)
            fixed = {name: tensor for name, tensor in self._params.items() if name not in trained}
            with stacking.under_vmap():
                gradients, (shown, new_state) = self.gradients[position](
                    trained, fixed, self._state, batch, noise, self.float_values
                )
            update_state(self._state, new_state)
            self.update(position, gradients, rates)
            values |= with_prefix(self.prefix(objective), shown)
        return values

    def update(self, position: int, gradients: Tensors, rates: Sequence[Tensor | float]) -> None:
        """Step every member's optimizer of the objective at `position`, by gradients of shape (K, ...)."""
        for member, (optimizers, rate) in enumerate(zip(self.optimizers, rates, strict=True)):
            optimizers[position].step((gradient[member] for gradient in gradients.values()), rate)

    def draw_noise(self, batch: Tensors) -> Tensors:
        """Each member's noise from its own generator, stacked."""
        drawn = []
        for member, (method, generator) in enumerate(zip(self.methods, self.generators, strict=True)):
            own = {name: tensor if name == "progress" else tensor[member] for name, tensor in batch.items()}
            drawn.append(method.draw(own, generator))
        return stack_tensors(drawn, self.device)

    def stacked_gradient(self, objective: Objective) -> Callable[..., tuple[Tensors, tuple[Tensors, Tensors]]]:
        """A function of stacked tensors → the objective's gradients, and its values and new state, of all members."""

        template: Any = self.methods[0]

        def loss_of(
            trained: Tensors, fixed: Tensors, state: Tensors, batch: Tensors, noise: Tensors, float_values: Tensors
        ) -> tuple[Tensor, tuple[Tensors, Tensors]]:
            method = dataclasses.replace(template, **float_values)
            loss, shown, new_state = getattr(method, objective.loss)({**fixed, **trained}, state, batch, noise)
            return loss, (shown, new_state)

        batch_dims = {"input": 0, "label": 0, "index": 0, "progress": None}
        return torch.func.vmap(torch.func.grad(loss_of, has_aux=True), in_dims=(0, 0, 0, batch_dims, 0, 0))


def trained_params(objective: Objective, params: Tensors) -> dict[str, Tensor]:
    """The parameters that an objective updates."""
    return {name: tensor for name, tensor in params.items() if name.startswith(objective.learns)}


def update_state(state: Tensors, new: Tensors) -> None:
    """Copy a loss's new state into `state`; by value, since it may hold parameters that the optimizer will change."""
    with torch.no_grad():
        for name, tensor in new.items():
            if tensor is not state[name]:
                state[name].copy_(tensor)


def device_copy(tensor: Tensor, device: torch.device) -> Tensor:
    """A copy on the device; on CUDA, convolution filters are channels-last, and so are their outputs."""
    last = device.type == "cuda" and tensor.dim() == 4
    return tensor.to(device, copy=True, memory_format=torch.channels_last if last else torch.preserve_format)


def stack_tensors(members: Sequence[Tensors], device: torch.device) -> dict[str, Tensor]:
    """Tensors of the same names, stacked along a first dimension."""
    return {name: torch.stack([member[name].to(device) for member in members]) for name in members[0]}


def float_settings(settings: Method | Recipe) -> tuple[str, ...]:
    """The names of the options that hold a float, and so may differ within a pack."""
    kinds = {entry.name: (entry.type, *typing.get_args(entry.type)) for entry in options_of(type(settings))}
    numbers = {name: getattr(settings, name) for name, kind in kinds.items() if float in kind}
    return tuple(name for name, value in numbers.items() if isinstance(value, int | float))


def common_settings(settings: Method | Recipe) -> tuple[Any, ...]:
    """What the members of a pack must have in common: the type, and every option that holds no float."""
    floats = float_settings(settings)
    rest = {one.name: getattr(settings, one.name) for one in options_of(type(settings)) if one.name not in floats}
    return type(settings), floats, tuple(rest.items())
