"""Classification by a multilayer perceptron with two hidden layers, optionally from few labels and drawn codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from ablate.augment import pipeline
from ablate.data_info import DataInfo
from ablate.deferred import F, nn, torch
from ablate.options import option
from ablate.probes.inputs import augmented_batches, fastest, inputs_of, model_of
from ablate.probes.labels import check_labels, labelled
from ablate.probes.network import accuracy, check_finite, perceptron, shuffled, train
from ablate.probes.posterior import Codes, certain, codes_of, error_rates, posteriors, stochastic
from ablate.probes.probe import Embedded, Features, Metrics, Probe

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Classifier(Probe):
    """Error rate of a perceptron on codes drawn from the encoder's posterior, or on the features where there is none.

    New codes are drawn at every training step and for every pass over the test split; `accuracy` is that of the same
    perceptron on the posterior's means.
    """

    source: ClassVar[str] = "Sinaga, Basarrudin and Krisnadhi 2022 (VTE), ICPRAM, multilayer perceptron"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize", "error_rate": "minimize", "error_rate_std": "minimize"}

    labels: int | None = option(None, "labelled training samples, balanced over the classes; all where absent", least=2)
    passes: int = option(5, "draws of the test codes, errors averaged over them; 0: the features, no draws", least=0)
    width: int = option(2048, "units in each hidden layer", least=1)
    epochs: int = option(100, "passes over the training split", least=1)
    batch_size: int = option(256, "samples in a step", least=2)
    learning_rate: float = option(1e-3, "step size of Adam", above=0)
    augmentation: str = option(
        "none",
        "pipeline that augments the training images anew in every epoch; the authors' code has VTE's crop and flip",
        added=True,
    )

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_labels(self.labels, info)
        if info.shape:
            pipeline(self.augmentation).check(info.shape)

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        embedded = replace(embedded, train=labelled(embedded.train, self.labels))
        generator = torch.Generator().manual_seed(seed)
        network = self.fit(embedded, generator)
        test_codes = self.codes(embedded.test, embedded)
        at_mean = accuracy(network, test_codes.mean, test_codes.y)
        if test_codes.deviation is None:
            return {"accuracy": at_mean, **error_rates([at_mean])}
        return {"accuracy": at_mean, **error_rates(pass_accuracies(network, test_codes, self.passes, generator))}

    def codes(self, split: Features, embedded: Embedded) -> Codes:
        """The codes of a split."""
        return posteriors(split, model_of(embedded)) if self.draws(embedded) else certain(split)

    def augmented(self, embedded: Embedded, generator: torch.Generator) -> Codes:
        """The codes of a new view of every training image."""
        model, y = model_of(embedded), embedded.train.y
        views = augmented_batches(inputs_of(embedded.train), self.augmentation, generator)
        if self.draws(embedded):
            return codes_of(views, y, model)
        return Codes(torch.cat([model.embed(batch) for batch in views]), None, torch.tensor(y))

    def draws(self, embedded: Embedded) -> bool:
        """Whether codes are drawn from a posterior."""
        return self.passes > 0 and stochastic(embedded)

    def fit(self, embedded: Embedded, generator: torch.Generator) -> nn.Sequential:
        """The perceptron after the last epoch of training."""
        codes = self.codes(embedded.train, embedded)
        widths = (codes.mean.shape[1], self.width, self.width, int(codes.y.max()) + 1)
        network = perceptron(widths, generator, batchnorm=True).to(fastest())
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        for epoch in range(1, self.epochs + 1):
            if self.augmentation != "none":
                codes = self.augmented(embedded, generator)
            train(network, self.batches(codes, generator), optimizer, F.cross_entropy)
            check_finite(network.parameters(), "classifier", codes.mean)
            embedded.report_progress(epoch / self.epochs)
        return network

    def batches(self, codes: Codes, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch of newly drawn codes (B, L) and their labels (B,)."""
        for rows in shuffled(len(codes.y), self.batch_size, generator):
            yield codes.draw(rows, generator), codes.y[rows]


def pass_accuracies(network: nn.Module, codes: Codes, passes: int, generator: torch.Generator) -> list[float]:
    """The accuracy of each pass, on a new draw of all codes."""
    rows = torch.arange(len(codes.y))
    return [accuracy(network, codes.draw(rows, generator), codes.y) for _ in range(passes)]
