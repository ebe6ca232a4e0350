"""Small studies, launched in this process, and what is recorded of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ablate.driver.announcer import ignore
from ablate.driver.launch import launch
from ablate.driver.launch_options import Options
from ablate.driver.progress import LaunchProgress, Listener
from ablate.driver.summary import Summary
from ablate.events import Ended, EpochValues, Message, State
from ablate.paths import Store, StudyPaths
from ablate.record import TrialRecord
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.testing.backends import in_process_backends
from ablate.testing.memory import MemoryStore
from ablate.track.store import Curve

EPOCHS = 3
STUDY = f"""
question: Does ε matter?
method: invariant
dataset: digits
fixed:
  training.epochs: {EPOCHS}
  training.batch_size: 32
  training.samples: 64
  method.k: 5
  probes.linear.epochs: 1
axes:
  method.epsilon: [0.4, 0.8]
seeds: 2
probes: [linear]
metric: linear/accuracy
"""
SEARCH = f"""
question: Which ε is best?
method: invariant
dataset: digits
design: search
fixed:
  training.epochs: {EPOCHS}
  training.batch_size: 32
  training.samples: 64
  method.k: 5
  probes.linear.epochs: 1
search:
  trials: 3
  objectives: {{linear/accuracy: maximize}}
  space: {{method.epsilon: {{low: 0.2, high: 2.0}}}}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""
PRETRAINING = """
question: Does pretraining help?
method: vte-barber-agakov
dataset: digits
fixed:
  training.epochs: 1
  training.batch_size: 32
  training.samples: 64
  method.width: 8
  method.latent_dim: 4
  method.hidden: 8
  probes.linear.epochs: 1
axes:
  method.two_phase: [true, false]
seeds: 2
probes: [linear]
metric: linear/accuracy
"""
Curves = dict[str, dict[str, Curve]]  # trial's name → metric → points


def at_the_first_epoch(act: Callable[[], None]) -> Listener:
    """A listener that acts when the first epoch has ended."""
    acted: list[bool] = []

    def listen(progress: LaunchProgress, message: Message) -> None:
        if isinstance(message, EpochValues) and not acted:
            acted.append(True)
            act()

    return listen


@dataclass
class Launches:
    """Launches of studies with one store and one tracking store, and the messages of the last launch."""

    folder: Path
    tracking: MemoryStore = field(default_factory=MemoryStore)
    messages: list[Message] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    def read(self, text: str, *overrides: str) -> Study:
        file = self.folder / "small.yaml"
        file.write_text(text)
        return read_study(file, overrides=overrides)

    def launch(self, study: Study, listen: Listener = ignore, *, retry: bool = False) -> Summary:
        self.messages.clear()

        def collect(progress: LaunchProgress, message: Message) -> None:
            self.messages.append(message)
            listen(progress, message)

        backends = in_process_backends(self.tracking)
        return launch(study, self.store, Options(retry=retry), collect, backends=backends)

    @property
    def paths(self) -> StudyPaths:
        return self.store.study("small")

    @property
    def records(self) -> dict[str, TrialRecord]:
        """The records of the study's trials, by the trial's name."""
        records = self.tracking.snapshots["small"].trials
        return {record.trial.name: record for record in records if record.trial is not None}

    @property
    def states(self) -> dict[str, State]:
        return {name: record.state for name, record in self.records.items()}

    @property
    def curves(self) -> Curves:
        return {name: self.tracking.curves(record.run_id, record.metrics) for name, record in self.records.items()}

    @property
    def trained(self) -> set[str]:
        """Keys of the trials that sent values of an epoch in the last launch."""
        return {message.trial for message in self.messages if isinstance(message, EpochValues)}

    @property
    def ended(self) -> list[str]:
        """Keys of the trials that ended in the last launch."""
        return [message.trial for message in self.messages if isinstance(message, Ended)]


def at_epoch(epoch: int, act: Callable[[str], None]) -> Listener:
    """A listener that calls `act` once, with the key of the first trial that ends this epoch."""
    done: list[str] = []

    def listen(progress: LaunchProgress, message: Message) -> None:
        if isinstance(message, EpochValues) and message.epoch == epoch and not done:
            done.append(message.trial)
            act(message.trial)

    return listen
