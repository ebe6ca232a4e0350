"""Trials that train together: one after the other on a CPU, stacked on an accelerator, where steps are recorded."""

import dataclasses
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ablate.methods.method import Method, Objective
from ablate.nets import stacking
from ablate.nets.precision import computing
from ablate.options import options_of
from ablate.train.checkpoint import Checkpoint
from ablate.train.data import TrainingSet
from ablate.train.optimizer import Optimizer
from ablate.train.recipe import Recipe
from ablate.train.recording import Recording

Tensors = Mapping[str, Tensor]


class Pack(ABC):
    """K members with a step each per call; they share a data set and every setting that is not a float."""

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
        self.members = tuple(range(len(methods)))  # those that still train
        self.record()
        self.place(starts)
        self.optimizers = [
            [
                Optimizer(learned(objective, self.params(member)), recipes[member], memory)
                for objective, memory in zip(self.objectives, memories, strict=True)
            ]
            for member, memories in enumerate(start.optimizers or ({},) * len(self.objectives) for start in starts)
        ]

    @abstractmethod
    def place(self, starts: Sequence[Checkpoint]) -> None:
        """Copy parameters and state to the device."""

    @abstractmethod
    def params(self, member: int) -> Tensors:
        """The member's parameters; optimizers update these very tensors."""

    @abstractmethod
    def state(self, member: int) -> Tensors: ...

    def step(self, index: Tensor, progress: float) -> dict[str, Tensor]:
        """Take a step with the points at index (K, B) → what the losses show (K,), void for the dropped."""
        rates = [recipe.rate(progress) for recipe in self.recipes]
        if self.recording is not None:
            return self.recording(index, progress, rates)
        return self.precise(index, torch.full((), progress, device=self.device), rates)

    def precise(self, index: Tensor, progress: Tensor, rates: Sequence[Tensor | float]) -> dict[str, Tensor]:
        with computing(self.precision, self.device):
            return self.take(index, progress, rates)

    @abstractmethod
    def take(self, index: Tensor, progress: Tensor, rates: Sequence[Tensor | float]) -> dict[str, Tensor]:
        """A step when a share `progress` () of training is done, at each member's learning rate."""

    def record(self) -> None:
        """Have steps recorded from now on, where kernels are launched one by one."""
        count, kernels = len(self.methods), self.device.type == "cuda"
        self.recording = Recording(self.precise, count, self.generators, self.device) if kernels else None

    def drop(self, member: int) -> None:
        """Go on without a member."""
        self.members = tuple(other for other in self.members if other != member)

    def named(self, objective: Objective, shown: Tensors) -> Tensors:
        """Where a method has several turns, the turn's name tells their values apart."""
        return (
            shown if len(self.objectives) == 1 else {f"{objective.loss}/{name}": value for name, value in shown.items()}
        )

    @property
    def losses(self) -> tuple[str, ...]:
        """The names under which `step` shows the turns' losses."""
        return tuple(name for objective in self.objectives for name in self.named(objective, {"loss": torch.empty(0)}))


class Mapped(Pack):
    """The members step one after the other, each on tensors of its own: no copy is made, no company is felt."""

    def place(self, starts: Sequence[Checkpoint]) -> None:
        self._params = [
            {name: laid_out(tensor, self.device).requires_grad_() for name, tensor in start.params.items()}
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
        self.record()  # a record takes the steps of those that it was made of

    def take(self, index: Tensor, progress: Tensor, rates: Sequence[Tensor | float]) -> dict[str, Tensor]:
        shown = {member: self.take_one(member, index[member], progress, rates[member]) for member in self.members}
        absent = torch.full((), torch.nan, device=self.device)
        names = next(iter(shown.values()))
        everyone = range(len(self.methods))
        return {name: torch.stack([shown[k][name] if k in shown else absent for k in everyone]) for name in names}

    def take_one(self, member: int, index: Tensor, progress: Tensor, rate: Tensor | float) -> dict[str, Tensor]:
        method, params, state = self.methods[member], self._params[member], self._state[member]
        batch = {**self.data.batch(index), "progress": progress}
        noise = method.draw(batch, self.generators[member])
        shown: dict[str, Tensor] = {}
        for objective, optimizer in zip(self.objectives, self.optimizers[member], strict=True):
            loss, values, after = getattr(method, objective.loss)(params, state, batch, noise)
            gradients = torch.autograd.grad(loss, [*optimizer.params.values()], materialize_grads=True)
            remember(state, after)
            optimizer.step(gradients, rate)
            shown |= {name: value.detach() for name, value in self.named(objective, values).items()}
        return shown


class Stacked(Pack):
    """All members step at once: their tensors are stacked along a first dimension K, which losses do not see."""

    def place(self, starts: Sequence[Checkpoint]) -> None:
        self._params = stack([start.params for start in starts], self.device)
        self._state = stack([start.state for start in starts], self.device)
        self.floats = {
            name: torch.tensor([getattr(method, name) for method in self.methods], device=self.device)
            for name in float_settings(self.methods[0])
        }
        self.gradients = [self.mapped(objective) for objective in self.objectives]

    def params(self, member: int) -> Tensors:
        return {name: tensor[member] for name, tensor in self._params.items()}

    def state(self, member: int) -> Tensors:
        return {name: tensor[member] for name, tensor in self._state.items()}

    def take(self, index: Tensor, progress: Tensor, rates: Sequence[Tensor | float]) -> dict[str, Tensor]:
        batch = {**self.data.batch(index), "progress": progress}
        noise = self.noise(batch)
        shown: dict[str, Tensor] = {}
        for place, objective in enumerate(self.objectives):
            trained = learned(objective, self._params)
            held = {name: tensor for name, tensor in self._params.items() if name not in trained}
            with stacking.stack():
                gradients, (values, after) = self.gradients[place](
                    trained, held, self._state, batch, noise, self.floats
                )
            remember(self._state, after)
            self.update(place, gradients, rates)
            shown |= self.named(objective, values)
        return shown

    def update(self, place: int, gradients: Tensors, rates: Sequence[Tensor | float]) -> None:
        for member, (optimizers, rate) in enumerate(zip(self.optimizers, rates, strict=True)):
            optimizers[place].step((gradient[member] for gradient in gradients.values()), rate)

    def noise(self, batch: Tensors) -> Tensors:
        """Each member's noise from its own generator, stacked."""
        drawn = []
        for member, (method, generator) in enumerate(zip(self.methods, self.generators, strict=True)):
            own = {name: tensor if name == "progress" else tensor[member] for name, tensor in batch.items()}
            drawn.append(method.draw(own, generator))
        return stack(drawn, self.device)

    def mapped(self, objective: Objective) -> Callable[..., tuple[Tensors, tuple[Tensors, Tensors]]]:
        """The turn's gradients, with what it shows and the new state, for all members in one call."""

        template: Any = self.methods[0]

        def total(
            trained: Tensors, held: Tensors, state: Tensors, batch: Tensors, noise: Tensors, floats: Tensors
        ) -> tuple[Tensor, tuple[Tensors, Tensors]]:
            method = dataclasses.replace(template, **floats)
            loss, shown, after = getattr(method, objective.loss)({**held, **trained}, state, batch, noise)
            return loss, (shown, after)

        shared = {"input": 0, "label": 0, "index": 0, "progress": None}
        return torch.func.vmap(torch.func.grad(total, has_aux=True), in_dims=(0, 0, 0, shared, 0, 0))


def learned(objective: Objective, params: Tensors) -> dict[str, Tensor]:
    """The parameters that a turn updates."""
    return {name: tensor for name, tensor in params.items() if name.startswith(objective.learns)}


@torch.no_grad()
def remember(state: Tensors, after: Tensors) -> None:
    """Take over the state that a loss returned: by value, since it may hold parameters, which are about to change."""
    for name, tensor in after.items():
        if tensor is not state[name]:
            state[name].copy_(tensor)


def laid_out(tensor: Tensor, device: torch.device) -> Tensor:
    """A copy on the device; on an accelerator channels come last in filters, and so in all that they give."""
    last = device.type == "cuda" and tensor.dim() == 4
    return tensor.to(device, copy=True, memory_format=torch.channels_last if last else torch.preserve_format)


def stack(members: Sequence[Tensors], device: torch.device) -> dict[str, Tensor]:
    """Tensors of the same names, stacked along a first dimension."""
    return {name: torch.stack([member[name].to(device) for member in members]) for name in members[0]}


def float_settings(settings: Method | Recipe) -> tuple[str, ...]:
    """The settings that hold a float, and so may differ within a pack."""
    kinds = {entry.name: (entry.type, *typing.get_args(entry.type)) for entry in options_of(type(settings))}
    numbers = {name: getattr(settings, name) for name, kind in kinds.items() if float in kind}
    return tuple(name for name, value in numbers.items() if isinstance(value, int | float))


def shared(settings: Method | Recipe) -> tuple[Any, ...]:
    """What all members of a pack have in common: the type, and every setting that holds no float."""
    free = float_settings(settings)
    rest = {entry.name: getattr(settings, entry.name) for entry in options_of(type(settings)) if entry.name not in free}
    return type(settings), free, tuple(rest.items())
