"""Accuracy of a supervised method's own classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ablate.deferred import torch
from ablate.probes.inputs import batches, inputs_of, model_of, require_finite
from ablate.probes.probe import Embedded, Metrics, Probe


@dataclass(frozen=True)
class Prediction(Probe):
    """Accuracy of the method's own classifier on the test split."""

    source: ClassVar[str] = "Lee, Song, Schuetze and Wang, about 2021, Distance enhancement loss, table 1"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize"}
    needs = ("predict",)

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        model, inputs = model_of(embedded), inputs_of(embedded.test)
        logits = [model.predict(batch) for batch in batches(inputs, torch.arange(len(inputs)))]
        predicted = require_finite(torch.cat(logits), "the logits").argmax(dim=1)
        return {"accuracy": (predicted == torch.tensor(embedded.test.y)).double().mean().item()}
