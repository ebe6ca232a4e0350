"""How probable are held-out inputs?"""

from dataclasses import dataclass
from math import log
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.options import option
from ablate.probes.inputs import batches, drawn, finite, inputs_of, model_of
from ablate.probes.probe import Embedded, Metrics, Model, Probe


@dataclass(frozen=True)
class Density(Probe):
    """−log₂ p(x) per value, p(x) by importance sampling from q(z | x), or from q of a view as in training.

    log p(x) ≈ log 1/K Σₖ p(x | zₖ) p(zₖ) / q(zₖ | ·), for the prior N(0, 1).  It is a lower bound of log p(x) in
    expectation, tighter with K (Burda et al. 2016, eq. 8), and p(x) is a density of x as the method scales it.
    """

    source: ClassVar[str] = (
        "Falcon et al. 2021 (AAVAE), Augmentation-Augmented Variational Autoencoders, bits per dimension"
    )
    metrics: ClassVar[Metrics] = {"bits_per_dimension": "minimize"}
    needs = ("posterior", "log_likelihood")

    draws: int = option(16, "codes of each input (K)", least=1)
    encoded: Literal["view", "input"] = option("view", "what q is asked about; a method without views: the input")
    images: int | None = option(None, "samples to judge, drawn by the seed; all where absent", least=1)

    def check(self, info: DataInfo) -> None:
        """Any data will do."""

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.examine(embedded)
        model, generator = model_of(embedded), torch.Generator().manual_seed(seed)
        inputs = inputs_of(embedded.evaluation)
        rows = drawn(len(inputs), self.images, seed)
        nats, values, done = 0.0, 0, 0
        for given in batches(inputs, rows):
            nats += self.log_evidence(model, given, generator).sum().item()
            values += given.numel()
            done += len(given)
            embedded.tell(done / len(rows))
        return {"bits_per_dimension": -nats / values / log(2)}

    def log_evidence(self, model: Model, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """The estimate of log p(x) in nats (B,)."""
        seen = model.view(inputs, generator) if self.encoded == "view" and model.can("view") else inputs
        mean, log_variance = (tensor.double() for tensor in model.posterior(seen))
        weights = []
        for _ in range(self.draws):
            normal = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
            codes = mean + (log_variance / 2).exp() * normal
            prior_over_posterior = (normal.square() + log_variance - codes.square()).sum(1) / 2  # the logarithm
            weights.append(model.log_likelihood(inputs, codes.float()).double() + prior_over_posterior)
        return finite(torch.stack(weights, 1), "the log densities").logsumexp(1) - log(self.draws)
