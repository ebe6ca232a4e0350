"""A step as a CUDA graph: all its kernels are launched as one, where launching them costs more than they do."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

Step = Callable[[Tensor, Tensor, Sequence[Tensor]], dict[str, Tensor]]  # index, progress, rates → what the losses show
PRACTICE = 3  # steps taken kernel by kernel, in which libraries and optimizers make what they keep


class Recording:
    """Takes a step as it is a few times, then records it and replays the record.

    Such a step waits for nothing and reads no number on the host; it changes in place whatever outlasts it.  What it
    shows holds until the next step.  The generators go on as if every kernel had been launched by itself.
    """

    def __init__(self, step: Step, members: int, generators: Sequence[torch.Generator], device: torch.device) -> None:
        self.step = step
        self.generators = generators
        self.progress = torch.zeros((), device=device)
        self.rates = [torch.zeros((), device=device) for _ in range(members)]
        self.index: Tensor | None = None
        self.practised = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.shown: dict[str, Tensor] = {}

    def __call__(self, index: Tensor, progress: float, rates: Sequence[float]) -> dict[str, Tensor]:
        """Take a step with the points at index (K, B)."""
        self.index = index.clone() if self.index is None else self.index.copy_(index)
        self.progress.fill_(progress)
        for held, rate in zip(self.rates, rates, strict=True):
            held.fill_(rate)
        if self.practised < PRACTICE:
            self.practised += 1
            return self.step(self.index, self.progress, self.rates)
        self.graph = self.graph or self.recorded(self.index)
        self.graph.replay()
        return self.shown

    def recorded(self, index: Tensor) -> torch.cuda.CUDAGraph:
        """The step's graph; recording does not take the step."""
        graph = torch.cuda.CUDAGraph()
        for generator in self.generators:
            graph.register_generator_state(generator)
        with uncollected(), torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads may use it too
            self.shown = self.step(index, self.progress, self.rates)
        return graph


@contextmanager
def uncollected() -> Iterator[None]:
    """Let no garbage be collected meanwhile: an older graph among it would take its memory back, and this one's end."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
