"""Train one pack: what is yielded after each optimizer step, and all that is needed to go on from there."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from ablate.events import Event, Failure
from ablate.methods.method import Method
from ablate.train.checkpoint import Checkpoint
from ablate.train.data import TrainingSet, generator, order
from ablate.train.optimizer import copied
from ablate.train.pack import Mapped, Pack, Stacked, shared
from ablate.train.recipe import Recipe

Tensors = Mapping[str, Tensor]


class Fit:
    """Trials of one method and recipe (but for float settings), all at the same step, as one iteration."""

    def __init__(
        self,
        methods: Sequence[Method],
        recipes: Sequence[Recipe],
        seeds: Sequence[int],
        data: TrainingSet,
        device: torch.device,
        resume: Sequence[Checkpoint | None] = (),
        first: Sequence[Tensors] = (),
    ) -> None:
        """Draw what no checkpoint holds; StudyError where a method's settings cannot work on the data.

        `first` holds the encoder of each member's first phase, for a method that has one.
        """
        assert len({shared(method) for method in methods}) == len({shared(recipe) for recipe in recipes}) == 1
        self.methods, self.recipe, self.seeds, self.device = methods, recipes[0], seeds, device
        self.data = TrainingSet(data.inputs.to(device), data.labels.to(device), data.scale)
        self.info = self.data.info(methods[0].samples(self.recipe.batch_size))
        trained = bool(methods[0].objectives)
        self.epochs = self.recipe.epochs if trained else 1
        self.epoch_steps = self.info.samples // self.info.batch_size if trained else 1
        self.first = first
        found = resume or [None] * len(methods)
        self.begin([start or self.fresh(member) for member, start in enumerate(found)], recipes)

    def fresh(self, member: int) -> Checkpoint:
        """A member before its first step: drawn from its seed, or fitted in closed form."""
        method, seed, solved = self.methods[member], self.seeds[member], None
        method.check(self.info)
        if not method.objectives:
            everything = self.data.batch(torch.arange(self.info.samples, device=self.device))
            solved = method.solve(everything["input"], generator(seed, "solution"))
        params, state = solved or method.init(self.info, generator(seed, "parameters"))
        if method.pretraining() is not None:
            assert self.first, "a second phase is given the first"
            params, state = method.load_pretrained(params, state, self.first[member])
        noise = generator(seed, "noise", self.device).get_state()
        return Checkpoint(0, params, state, ({},) * len(method.objectives), noise, self.device.type, {}, {})

    def begin(self, starts: Sequence[Checkpoint], recipes: Sequence[Recipe]) -> None:
        (self.step,) = {start.step for start in starts}
        self.generators = [noise(seed, start, self.device) for seed, start in zip(self.seeds, starts, strict=True)]
        self.pack: Pack = self.kind()(self.methods, recipes, starts, self.generators, self.data)
        names = starts[0].sums
        self.sums = {name: torch.tensor([start.sums[name] for start in starts], device=self.device) for name in names}
        self.kept = [dict(start.snapshots) for start in starts]
        self.failed_at = torch.zeros(len(self.pack.losses), len(starts), dtype=torch.int64, device=self.device)
        self.failures: list[Failure] = []  # found, but not yet told
        self.order = torch.empty(0)

    def kind(self) -> type[Pack]:
        """Stacking several may pay on an accelerator; a CPU is slower with it."""
        pays = self.device.type != "cpu" and len(self.methods) > 1
        return Stacked if pays and self.methods[0].objectives and self.methods[0].stacks else Mapped

    @property
    def patience(self) -> int:
        """Steps between two looks for failures; each look waits for the device."""
        return 1 if self.device.type == "cpu" else 50

    @property
    def total(self) -> int:
        """Optimizer steps of the whole training."""
        return self.epochs * self.epoch_steps

    @property
    def alive(self) -> tuple[int, ...]:
        """The members that have not failed up to now; an accelerator is waited for."""
        self.look()
        return self.pack.members

    def steps(self) -> Iterator[tuple[Event | Failure, ...]]:
        """Train to the end, one item per optimizer step; it ends early where every member has failed.

        An accelerator's failures are told up to 50 steps late, under the number of the step at which they happened.
        """
        while self.step < self.total and self.pack.members:
            if self.pack.objectives:
                self.advance()
            self.step += 1
            epoch, inside = divmod(self.step, self.epoch_steps)
            if inside == 0 or self.step % self.patience == 0:
                self.look()
            events = self.close(epoch) if inside == 0 else ()
            yield (*self.told(), *events)
        if self.failures:
            yield self.told()

    def advance(self) -> None:
        """One optimizer step of every member."""
        shown = self.pack.step(self.indices(), self.step / self.total)
        self.sums = {name: self.sums.get(name, 0) + shown[name] for name in shown}
        losses = torch.stack([shown[name] for name in self.pack.losses])
        new = losses.isfinite().logical_not() & (self.failed_at == 0)
        self.failed_at = torch.where(new, self.step + 1, self.failed_at)

    def indices(self) -> Tensor:
        """The points (K, B) of the step to come; an epoch leaves out what does not fill a batch, each epoch others."""
        epoch, inside = divmod(self.step, self.epoch_steps)
        if inside == 0 or not len(self.order):
            permutations = [order(seed, epoch, self.info.samples) for seed in self.seeds]
            self.order = torch.stack(permutations).to(self.device)
        return self.order[:, inside * self.info.batch_size : (inside + 1) * self.info.batch_size]

    def look(self) -> None:
        """Drop the members whose loss was not finite."""
        if not self.failed_at.any():
            return
        for member in self.pack.members:
            steps = zip(self.failed_at[:, member].tolist(), self.pack.losses, strict=True)
            step, loss = min(((step, loss) for step, loss in steps if step), default=(0, ""), key=lambda pair: pair[0])
            if step:
                self.fail(member, step, f"{loss} is not finite at step {step}")

    def fail(self, member: int, step: int, reason: str) -> None:
        self.pack.drop(member)
        self.failures.append(Failure(member, (step - 1) // self.epoch_steps + 1, step, reason))

    def told(self) -> tuple[Failure, ...]:
        """The failures that nobody has heard of yet."""
        told, self.failures = tuple(self.failures), []
        return told

    def close(self, epoch: int) -> tuple[Event, ...]:
        """End an epoch: keep the encoders of the last ones, and tell what the steps showed on average."""
        if epoch > self.epochs - self.recipe.snapshots:
            for member in self.pack.members:
                self.keep(member, epoch)
        means = {name: (values / self.epoch_steps).tolist() for name, values in self.sums.items()}
        self.sums = {}
        return tuple(
            Event(member, epoch, {name: values[member] for name, values in means.items()})
            for member in self.pack.members
        )

    def keep(self, member: int, epoch: int) -> None:
        encoder = self.encoder(member)
        damaged = [name for name, tensor in encoder.items() if not tensor.isfinite().all()]
        if damaged:
            self.fail(member, self.step, f"{damaged[0]} is not finite after step {self.step}")
        else:
            self.kept[member][epoch] = encoder

    def encoder(self, member: int) -> dict[str, Tensor]:
        """The parameters and the state that `embed` needs, as both of its first arguments; copies on the CPU."""
        everything = {**self.pack.params(member), **self.pack.state(member)}
        prefix = self.methods[member].exported
        return {name: copied(tensor) for name, tensor in everything.items() if name.startswith(prefix)}

    def snapshots(self, member: int) -> Mapping[int, Tensors]:
        """The encoders at the ends of the last `recipe.snapshots` epochs, by epoch, as far as these are over."""
        return self.kept[member]

    def checkpoint(self, member: int) -> Checkpoint:
        """All that a member needs to go on from here, mid-epoch too; ask `alive` first, as the failed have none."""
        assert member in self.alive, f"member {member} has failed"
        pack = self.pack
        return Checkpoint(
            step=self.step,
            params={name: copied(tensor) for name, tensor in pack.params(member).items()},
            state={name: copied(tensor) for name, tensor in pack.state(member).items()},
            optimizers=tuple(optimizer.memory() for optimizer in pack.optimizers[member]),
            noise=self.generators[member].get_state(),
            device=self.device.type,
            sums={name: float(values[member]) for name, values in self.sums.items()},
            snapshots=dict(self.kept[member]),
        )


def noise(seed: int, start: Checkpoint, device: torch.device) -> torch.Generator:
    """The generator of a member's noise, as its checkpoint left it; on another kind of device a new stream."""
    if start.device == device.type:
        stream = torch.Generator(device)
        stream.set_state(start.noise)
        return stream
    return generator(seed, f"noise on {device.type} from step {start.step}", device)
