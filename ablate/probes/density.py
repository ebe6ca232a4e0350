"""The density of held-out inputs, in bits per dimension, by importance sampling."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, ClassVar, Literal

from ablate.data_info import DataInfo
from ablate.deferred import torch
from ablate.errors import StudyError
from ablate.options import option
from ablate.probes.inputs import BATCH, inputs_of, model_of, random_rows, require_finite
from ablate.probes.probe import Embedded, Metrics, Model, Probe

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Density(Probe):
    """−log₂ p(x) per value, with p(x) by importance sampling from q(z | x), or from q(z | view of x) as in training.

    log p(x) ≈ log 1/K Σₖ p(x | zₖ) p(zₖ) / q(zₖ | ·), for the prior N(0, 1).  In expectation this is a lower bound of
    log p(x), tighter for larger K (Burda et al. 2016, eq. 8).  p(x) is the density of x as the method scales it.
    """

    source: ClassVar[str] = (
        "Falcon et al. 2021 (AAVAE), Augmentation-Augmented Variational Autoencoders, bits per dimension"
    )
    metrics: ClassVar[Metrics] = {"bits_per_dimension": "minimize"}
    needs = ("posterior", "log_likelihood")

    importance_samples: int = option(16, "codes drawn for each input (K)", least=1, former="draws")
    posterior_of: Literal["view", "input"] = option(
        "view", "what q(z | ·) is conditioned on; methods without views use the input", former="encoded"
    )
    images: int | None = option(None, "samples of the split, drawn by the seed; all where absent", least=1)
    split: Literal["evaluation", "validation"] = option(
        "evaluation", "the samples; validation, as in the paper: those that training.samples leaves out", added=True
    )

    def check(self, info: DataInfo) -> None:
        """Labels and targets are not needed."""
        if self.split == "validation" and not info.validation:
            raise StudyError("no samples are left for validation", "set training.samples, or split: evaluation")

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        model, generator = model_of(embedded), torch.Generator().manual_seed(seed)
        inputs = inputs_of(embedded.evaluation)
        if self.split == "validation":
            assert embedded.validation is not None, "checked"
            inputs = embedded.validation
        rows = random_rows(len(inputs), self.images, seed)
        nats, values, done = 0.0, 0, 0
        for part in rows.split(BATCH):
            batch = inputs.batch(part)
            viewed = self.posterior_of == "view" and model.can("view")
            encoded = model.view(inputs.originals(part), generator) if viewed else batch
            nats += self.log_evidence(model, batch, encoded, generator).sum().item()
            values += batch.numel()
            done += len(batch)
            embedded.report_progress(done / len(rows))
        return {"bits_per_dimension": -nats / values / log(2)}

    def log_evidence(self, model: Model, inputs: Tensor, encoded: Tensor, generator: torch.Generator) -> Tensor:
        """Inputs (B, ...), and what q is conditioned on (B, ...) → the estimate of log p(x) in nats (B,)."""
        mean, log_variance = (tensor.double() for tensor in model.posterior(encoded))
        log_weights = []
        for _ in range(self.importance_samples):
            normal = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
            codes = mean + (log_variance / 2).exp() * normal
            log_prior_over_posterior = (normal.square() + log_variance - codes.square()).sum(1) / 2
            log_weights.append(model.log_likelihood(inputs, codes.float()).double() + log_prior_over_posterior)
        weights = require_finite(torch.stack(log_weights, 1), "the log densities")
        return weights.logsumexp(1) - log(self.importance_samples)
