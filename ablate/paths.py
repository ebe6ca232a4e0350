"""Where every file of a store lives."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ablate.errors import StudyError


@dataclass(frozen=True)
class TrialPaths:
    """The files of one trial, kept until MLflow has everything."""

    folder: Path

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    @property
    def spool(self) -> Path:
        return self.folder / "spool.jsonl"

    @property
    def sent(self) -> Path:
        """How far into the spool MLflow has it."""
        return self.folder / "sent.json"

    @property
    def lock(self) -> Path:
        """Held (flock) by the one process that works on the trial; the kernel releases it when that dies."""
        return self.folder / "lock"

    @property
    def sending(self) -> Path:
        """Held (flock) by the one process that sends the spool."""
        return self.folder / "sending"

    @property
    def encoder(self) -> Path:
        return self.folder / "encoder.pt"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def traceback(self) -> Path:
        return self.folder / "traceback.txt"


@dataclass(frozen=True)
class StudyPaths:
    """The files of one study."""

    folder: Path

    def trial(self, key: str) -> TrialPaths:
        return TrialPaths(self.folder / "trials" / key)

    @property
    def study(self) -> Path:
        """The study as resolved: what the last launch was about."""
        return self.folder / "study.yaml"

    @property
    def trials(self) -> Path:
        return self.folder / "trials"

    def first(self, key: str) -> Path:
        """The encoder of a trial that others start from, kept until the study is over."""
        return self.firsts / f"{key}.pt"

    @property
    def firsts(self) -> Path:
        return self.folder / "first"

    @property
    def lock(self) -> Path:
        return self.folder / "launch.json"

    @property
    def stop(self) -> Path:
        """Its presence asks every process of the launch to checkpoint and stop."""
        return self.folder / "stop"

    @property
    def search(self) -> Path:
        """Optuna's journal."""
        return self.folder / "search.log"

    @property
    def log(self) -> Path:
        """Where Ray's and MLflow's own words go."""
        return self.folder / "launch.log"

    @property
    def report(self) -> Path:
        return self.folder / "report"


@dataclass(frozen=True)
class Store:
    """The folder that holds checkpoints, unsent records, the search's memory and the embedded server's files."""

    root: Path

    def study(self, name: str) -> StudyPaths:
        """The files of a study.  Raises StudyError for a name that could lead elsewhere."""
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*", name):
            raise StudyError(f"'{name}' is no name of a study", "use letters, digits, '-', '_' and single dots")
        return StudyPaths(self.studies / name)

    @property
    def studies(self) -> Path:
        return self.root / "studies"

    @property
    def tensors(self) -> Path:
        """Memory-mapped data sets, shared by all workers of a node."""
        return self.root / "tensors"

    @property
    def sheets(self) -> Path:
        """What augmentations make of data sets' images."""
        return self.root / "sheets"

    @property
    def mlflow(self) -> Path:
        return self.root / "mlflow"

    @property
    def ray(self) -> Path:
        return self.root / "ray"


def default_store() -> Store:
    return Store(Path(os.environ.get("ABLATE_STORE", "ablate-store")).absolute())


def data_folder() -> Path:
    """Where original files are looked for: ABLATE_DATA, else a cache folder of the user's."""
    given = os.environ.get("ABLATE_DATA")
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    return Path(given).absolute() if given else Path(cache) / "ablate" / "data"
