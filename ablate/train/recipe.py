"""How long and how fast to train."""

from dataclasses import dataclass

from ablate.settings import setting


@dataclass(frozen=True)
class Recipe:
    """The training settings of a trial; the defaults are those of Ntelemis et al. (2022, section V)."""

    epochs: int = setting(5000, "passes over the training set", least=1)
    batch_size: int = setting(256, "m, samples per optimizer step", least=1)
    learning_rate: float = setting(5e-4, "of Adam, until `late_from`", above=0)
    learning_rate_late: float = setting(1e-4, "of Adam, from `late_from` on", above=0)
    late_from: float = setting(0.2, "share of training after which the learning rate drops", least=0, most=1)
    snapshots: int = setting(1, "last epochs at whose ends the encoder is kept", least=1)

    def rate(self, progress: float) -> float:
        """The learning rate when a share `progress` of training is done."""
        return self.learning_rate if progress < self.late_from else self.learning_rate_late
