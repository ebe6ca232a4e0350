"""A training step as a CUDA graph: one launch for all its kernels, where launching them takes longer than running."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from ablate.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor

# index, progress, rates → values
StepFunction: TypeAlias = "Callable[[Tensor, Tensor, Sequence[Tensor]], dict[str, Tensor]]"
WARM_UP_STEPS = 3  # taken kernel by kernel, while libraries and optimizers allocate what they keep


class GraphedStep:
    """Takes a step kernel by kernel a few times, then captures it as a CUDA graph and replays the graph.

    The step must neither synchronize with the host nor read a number there, and must change in place whatever outlasts
    it.  The returned values are overwritten by the next step.  The generators advance as without a graph.
    """

    def __init__(
        self, step: StepFunction, members: int, generators: Sequence[torch.Generator], device: torch.device
    ) -> None:
        self.step = step
        self.generators = generators
        self.progress = torch.zeros((), device=device)
        self.rates = [torch.zeros((), device=device) for _ in range(members)]
        self.index: Tensor | None = None
        self.warm_up_steps = 0  # taken so far
        self.graph: torch.cuda.CUDAGraph | None = None
        self.values: dict[str, Tensor] = {}

    def __call__(self, index: Tensor, progress: float, rates: Sequence[float]) -> dict[str, Tensor]:
        """Take a step on the samples at index (K, B)."""
        self.index = index.clone() if self.index is None else self.index.copy_(index)
        self.progress.fill_(progress)
        for tensor, rate in zip(self.rates, rates, strict=True):
            tensor.fill_(rate)
        if self.warm_up_steps < WARM_UP_STEPS:
            self.warm_up_steps += 1
            return self.step(self.index, self.progress, self.rates)
        self.graph = self.graph or self.captured(self.index)
        self.graph.replay()
        return self.values

    def captured(self, index: Tensor) -> torch.cuda.CUDAGraph:
        """The step's graph; capturing does not execute the step."""
        graph = torch.cuda.CUDAGraph()
        for generator in self.generators:
            graph.register_generator_state(generator)
        # thread_local: other threads may use the device during the capture
        with garbage_collection_paused(), torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self.values = self.step(index, self.progress, self.rates)
        return graph


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Collect garbage first, and none within: freeing an older graph's memory would end a capture in progress."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
