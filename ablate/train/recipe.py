"""The training settings of a trial, and the learning-rate schedule that they describe."""

import math
from dataclasses import dataclass
from typing import Literal

from ablate.nets.precision import Precision
from ablate.options import option


@dataclass(frozen=True)
class Recipe:
    """The training settings of a trial; the defaults are those of Ntelemis et al. (2022, section V)."""

    epochs: int = option(5000, "passes over the training set", least=1)
    batch_size: int = option(256, "m, samples per optimizer step", least=1)
    learning_rate: float = option(5e-4, "of the optimizer, before its schedule", above=0)
    schedule: Literal["drop", "constant", "cosine"] = option(
        "drop",
        "of the learning rate: drop to `learning_rate_late` at `late_from`, constant, or half a cosine down to 0",
    )
    learning_rate_late: float = option(1e-4, "learning rate from `late_from` on", above=0)
    late_from: float = option(0.2, "share of training after which the learning rate drops", least=0, most=1)
    warm_up: float = option(0.0, "epochs in which the learning rate rises linearly from 0", least=0)
    reference_batch: int = option(
        0,
        "batch size that learning rates and `warm_up` are for: both scale with the batch; 0: unscaled",
        least=0,
    )
    optimizer: Literal["adam", "sgd"] = option("adam", "Adam (Kingma & Ba 2015) or stochastic gradient descent")
    adam_epsilon: float = option(1e-8, "ε of Adam", above=0)
    momentum: float = option(0.9, "of sgd", least=0, below=1)
    nesterov: bool = option(False, "Nesterov's momentum in sgd")
    precision: Precision = option(
        "tf32", "of networks: float32; tf32, which rounds factors to 11 bits on an accelerator; or bfloat16"
    )
    weight_decay: float = option(0.0, "weight of the L2 penalty, whose gradient is added to the loss's", least=0)
    samples: int = option(0, "training samples: a class-balanced subset, the same in every trial; 0: all", least=0)
    snapshots: int = option(1, "epochs, the last ones, at whose ends the encoder is kept", least=1)
    kept: Literal["last", "best"] = option(
        "last",
        "best: that of the epoch with the least loss on the samples that `samples` leaves out, not of the last epochs",
        added=True,
    )

    def rate(self, progress: float) -> float:
        """The learning rate after a share `progress` of training, in [0, 1]."""
        growth = self.batch_size / self.reference_batch if self.reference_batch else 1.0
        warmed = min(1.0, self.warm_up * growth / self.epochs)  # share of training
        if progress < warmed:
            return self.learning_rate * growth * progress / warmed
        return self.scheduled(progress, warmed) * growth

    def scheduled(self, progress: float, warmed: float) -> float:
        """The learning rate after the warm-up."""
        if self.schedule == "cosine":
            return self.learning_rate * (1 + math.cos(math.pi * (progress - warmed) / (1 - warmed))) / 2
        late = self.schedule == "drop" and progress >= self.late_from
        return self.learning_rate_late if late else self.learning_rate
