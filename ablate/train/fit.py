"""Training of one pack: an iteration over its optimizer steps that yields events, with checkpoints between any two."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ablate.deferred import torch
from ablate.events import EpochEnd, MemberFailed
from ablate.methods.method import Method, Tensors
from ablate.nets.precision import step_precision
from ablate.train.checkpoint import Checkpoint
from ablate.train.data import TrainingSet, epoch_permutation, seeded_generator
from ablate.train.optimizer import cpu_copy
from ablate.train.pack import Looped, Stacked, TrainingPack, common_settings
from ablate.train.recipe import Recipe
from ablate.train.validation import validation_loss

if TYPE_CHECKING:
    from torch import Tensor


class Fit:
    """Trains K members of the same method and recipe, which may differ in float options, from the same step.

    Iterate over `steps()`.  Between two steps `checkpoint` copies what a member needs to be resumed, and `stop` ends
    the training of one member.
    """

    def __init__(
        self,
        methods: Sequence[Method],
        recipes: Sequence[Recipe],
        seeds: Sequence[int],
        data: TrainingSet,
        device: torch.device,
        resume: Sequence[Checkpoint | None] = (),
        pretrained: Sequence[Tensors] = (),
        validation: TrainingSet | None = None,
    ) -> None:
        """Start each member from its checkpoint in `resume`, or initialize it from its seed where that is None.

        `pretrained` holds each member's pretrained encoder, for a method with pretraining; `validation` the samples by
        whose loss an encoder is kept, for a recipe that keeps the best.  Raises StudyError where a method's settings do
        not suit the data.
        """
        assert len({common_settings(method) for method in methods}) == 1
        assert len({common_settings(recipe) for recipe in recipes}) == 1
        self.methods, self.recipe, self.seeds, self.device = methods, recipes[0], seeds, device
        self.data = data.to(device)
        self.validation = validation.to(device) if validation is not None else None
        self.info = self.data.info(methods[0].samples(self.recipe.batch_size))
        trained = bool(methods[0].objectives)
        self.epochs = self.recipe.epochs if trained else 1
        self.epoch_steps = self.info.samples // self.info.batch_size if trained else 1
        self.pretrained = pretrained
        checkpoints = resume or [None] * len(methods)
        starts = [checkpoint or self.initial(member) for member, checkpoint in enumerate(checkpoints)]
        self.place(starts, recipes)

    def initial(self, member: int) -> Checkpoint:
        """A member before its first step: initialized from its seed, or fitted in closed form."""
        method, seed, solved = self.methods[member], self.seeds[member], None
        method.check(self.info)
        if not method.objectives:
            everything = self.data.batch(torch.arange(self.info.samples, device=self.device))
            solved = method.solve(everything["input"], seeded_generator(seed, "solution"))
        params, state = solved or method.init(self.info, seeded_generator(seed, "parameters"))
        if method.pretraining() is not None:
            assert self.pretrained, "a method with pretraining needs the pretrained encoders"
            params, state = method.load_pretrained(params, state, self.pretrained[member])
        noise = seeded_generator(seed, "noise", self.device).get_state()
        return Checkpoint(0, params, state, ({},) * len(method.objectives), noise, self.device.type, {}, {})

    def place(self, starts: Sequence[Checkpoint], recipes: Sequence[Recipe]) -> None:
        """Copy the members to the device, as they were in their checkpoints."""
        (self.step,) = {start.step for start in starts}
        self.generators = [
            noise_generator(seed, start, self.device) for seed, start in zip(self.seeds, starts, strict=True)
        ]
        self.pack: TrainingPack = self.pack_type()(self.methods, recipes, starts, self.generators, self.data)
        names = starts[0].sums
        self.sums = {name: torch.tensor([start.sums[name] for start in starts], device=self.device) for name in names}
        self.encoders = [dict(start.snapshots) for start in starts]  # per member: epoch → encoder
        self.least_losses = [start.validation_loss for start in starts]  # per member: on the validation samples
        # losses x members: the step after which the loss was first not finite, 0 where it always was
        self.failed_at = torch.zeros(len(self.pack.losses), len(starts), dtype=torch.int64, device=self.device)
        self.failures: list[MemberFailed] = []  # detected, not yet yielded
        self.permutations = torch.empty(0)  # (K, N), the order of the current epoch

    def pack_type(self) -> type[TrainingPack]:
        """Stacked where that is faster: for several members of a method that stacks, on an accelerator."""
        accelerated = self.device.type != "cpu" and len(self.methods) > 1
        return Stacked if accelerated and self.methods[0].objectives and self.methods[0].stacks else Looped

    @property
    def check_interval(self) -> int:
        """Steps between two checks for failures; each check waits for the device."""
        return 1 if self.device.type == "cpu" else 50

    @property
    def total(self) -> int:
        """Optimizer steps of the whole training."""
        return self.epochs * self.epoch_steps

    @property
    def members(self) -> tuple[int, ...]:
        """The members that still train, without waiting for the device: failures not yet detected are among them."""
        return self.pack.members

    @property
    def checked_members(self) -> tuple[int, ...]:
        """The members that still train, after a check for failures that waits for the device."""
        self.drop_failed()
        return self.pack.members

    def steps(self) -> Iterator[tuple[EpochEnd | MemberFailed, ...]]:
        """Train to the end, one item per optimizer step; earlier where no member is left.

        On an accelerator a failure is yielded up to 50 steps late, with the number of the step at which it happened.
        """
        while self.step < self.total and self.pack.members:
            if self.pack.objectives:
                self.advance()
            self.step += 1
            epoch, inside = divmod(self.step, self.epoch_steps)
            if inside == 0 or self.step % self.check_interval == 0:
                self.drop_failed()
            events = self.end_epoch(epoch) if inside == 0 else ()
            yield (*self.take_failures(), *events)
        if self.failures:
            yield self.take_failures()

    def stop(self, member: int) -> None:
        """End the training of a member between two steps; no event follows, and the others are not affected.

        On a CPU the others' numbers stay the same bit for bit.  Take the member's checkpoint before, there is none
        afterwards; its snapshots stay.  A member that has failed or was stopped is left as it is.
        """
        if member in self.checked_members:
            self.pack.drop(member)

    def advance(self) -> None:
        """One optimizer step of every member."""
        values = self.pack.step(self.indices(), self.step / self.total)
        self.sums = {name: self.sums.get(name, 0) + values[name] for name in values}
        losses = torch.stack([values[name] for name in self.pack.losses])
        new = losses.isfinite().logical_not() & (self.failed_at == 0)
        self.failed_at = torch.where(new, self.step + 1, self.failed_at)

    def indices(self) -> Tensor:
        """Positions (K, B) in the training set of the next step's batches.

        Each epoch is a permutation of the training set without the samples at its end that do not fill a batch.
        """
        epoch, inside = divmod(self.step, self.epoch_steps)
        if inside == 0 or not len(self.permutations):
            permutations = [epoch_permutation(seed, epoch, self.info.samples) for seed in self.seeds]
            self.permutations = torch.stack(permutations).to(self.device)
        return self.permutations[:, inside * self.info.batch_size : (inside + 1) * self.info.batch_size]

    def drop_failed(self) -> None:
        """Drop the members with a loss that was not finite."""
        if not self.failed_at.any():
            return
        for member in self.pack.members:
            steps = zip(self.failed_at[:, member].tolist(), self.pack.losses, strict=True)
            step, loss = min(((step, loss) for step, loss in steps if step), default=(0, ""), key=lambda pair: pair[0])
            if step:
                self.fail(member, step, f"{loss} is not finite at step {step}")

    def fail(self, member: int, step: int, reason: str) -> None:
        self.pack.drop(member)
        self.failures.append(MemberFailed(member, (step - 1) // self.epoch_steps + 1, step, reason))

    def take_failures(self) -> tuple[MemberFailed, ...]:
        """The failures that were not yielded before."""
        failures, self.failures = tuple(self.failures), []
        return failures

    def end_epoch(self, epoch: int) -> tuple[EpochEnd, ...]:
        """Keep the encoders where this is one of the last epochs → each member's means over the epoch's steps."""
        means = {name: (values / self.epoch_steps).tolist() for name, values in self.sums.items()}
        self.sums = {}
        if self.keeps_best:
            means["validation_loss"] = [self.validate(member, epoch) for member in range(len(self.methods))]
        elif epoch > self.epochs - self.recipe.snapshots:
            for member in self.pack.members:
                self.take_snapshot(member, epoch)
        return tuple(
            EpochEnd(member, epoch, {name: values[member] for name, values in means.items()})
            for member in self.pack.members
        )

    @property
    def keeps_best(self) -> bool:
        """Whether the encoder of the best epoch is kept instead of the last ones."""
        return self.recipe.kept == "best" and bool(self.pack.objectives)

    def validate(self, member: int, epoch: int) -> float:
        """The member's loss on the validation samples; its encoder is kept where that is the least up to now."""
        if member not in self.pack.members:
            return math.nan
        assert self.validation is not None, "planning makes sure that there are validation samples"
        tensors = self.pack.params(member), self.pack.state(member)
        with step_precision(self.recipe.precision, self.device):
            loss = validation_loss(
                self.methods[member],
                *tensors,
                self.validation,
                self.info.batch_size,
                self.seeds[member],
                (self.step - 1) / self.total,
            )
        if not math.isfinite(loss):
            self.fail(member, self.step, f"the loss on the validation samples is not finite after step {self.step}")
        elif loss < self.least_losses[member]:
            self.least_losses[member], self.encoders[member] = loss, {}
            self.take_snapshot(member, epoch)
        return loss

    def take_snapshot(self, member: int, epoch: int) -> None:
        """Keep the member's encoder; one that is not finite is a failure."""
        encoder = self.encoder(member)
        damaged = [name for name, tensor in encoder.items() if not tensor.isfinite().all()]
        if damaged:
            self.fail(member, self.step, f"{damaged[0]} is not finite after step {self.step}")
        else:
            self.encoders[member][epoch] = encoder

    def encoder(self, member: int) -> dict[str, Tensor]:
        """The parameters and the state that `embed` needs, as both of its first arguments; copies on the CPU."""
        everything = {**self.pack.params(member), **self.pack.state(member)}
        prefix = self.methods[member].exported
        return {name: cpu_copy(tensor) for name, tensor in everything.items() if name.startswith(prefix)}

    def snapshots(self, member: int) -> Mapping[int, Tensors]:
        """Epoch → encoder at its end, of the last epochs as far as the member has trained them, or of the best one."""
        return self.encoders[member]

    def checkpoint(self, member: int) -> Checkpoint:
        """All that the member needs to be resumed at this step, also within an epoch; the member must still train."""
        assert member in self.checked_members, f"member {member} has failed or was stopped"
        pack = self.pack
        return Checkpoint(
            step=self.step,
            params={name: cpu_copy(tensor) for name, tensor in pack.params(member).items()},
            state={name: cpu_copy(tensor) for name, tensor in pack.state(member).items()},
            optimizers=tuple(optimizer.saved() for optimizer in pack.optimizers[member]),
            noise=self.generators[member].get_state(),
            device=self.device.type,
            sums={name: float(values[member]) for name, values in self.sums.items()},
            snapshots=dict(self.encoders[member]),
            validation_loss=self.least_losses[member],
        )


def noise_generator(seed: int, start: Checkpoint, device: torch.device) -> torch.Generator:
    """The generator of a member's noise in the state of its checkpoint; on another kind of device, a new stream."""
    if start.device == device.type:
        generator = torch.Generator(device)
        generator.set_state(start.noise)
        return generator
    return seeded_generator(seed, f"noise on {device.type} from step {start.step}", device)
