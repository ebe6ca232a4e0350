"""The paths of all files and folders of a store, and the folders that the environment names."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ablate.errors import StudyError


@dataclass(frozen=True)
class TrialPaths:
    """The files of one trial, kept until MLflow has all of its records and artifacts."""

    folder: Path

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    @property
    def spool(self) -> Path:
        return self.folder / "spool.jsonl"

    @property
    def sent(self) -> Path:
        """How much of the spool MLflow has acknowledged."""
        return self.folder / "sent.json"

    @property
    def lock(self) -> Path:
        """Locked (flock) by the process that works on the trial; released when that process exits."""
        return self.folder / "lock"

    @property
    def sending(self) -> Path:
        """Locked (flock) by the process that sends the spool."""
        return self.folder / "sending"

    @property
    def stop(self) -> Path:
        """A request to stop this trial alone (`ablate.stopping`)."""
        return self.folder / "stop.json"

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

    @property
    def store(self) -> "Store":
        """The store that the study is in."""
        return Store(self.folder.parent.parent)

    def trial(self, key: str) -> TrialPaths:
        return TrialPaths(self.folder / "trials" / key)

    @property
    def study(self) -> Path:
        """The resolved study of the last launch."""
        return self.folder / "study.yaml"

    @property
    def plan(self) -> Path:
        """The trials of the last launch, by key and name."""
        return self.folder / "plan.json"

    @property
    def trials(self) -> Path:
        return self.folder / "trials"

    def pretrained(self, key: str) -> Path:
        """The encoder of a pretraining trial, from which other trials start."""
        return self.pretrained_folder / f"{key}.pt"

    @property
    def pretrained_folder(self) -> Path:
        """The encoders of pretraining trials, kept until the study is over."""
        return self.folder / "first"

    @property
    def lock(self) -> Path:
        """Locked by the launch in progress, which it describes."""
        return self.folder / "launch.json"

    @property
    def claim(self) -> Path:
        """The id by which MLflow knows the last launch of the study from this store."""
        return self.folder / "claim"

    @property
    def environment(self) -> Path:
        """Variables for the workers of a cluster, secrets among them; only while a launch runs (0600)."""
        return self.folder / "environment.json"

    @property
    def stop(self) -> Path:
        """While it exists, every process of the launch checkpoints and stops."""
        return self.folder / "stop"

    @property
    def search(self) -> Path:
        """Optuna's journal."""
        return self.folder / "search.log"

    @property
    def log(self) -> Path:
        """The output of Ray and MLflow during the launch."""
        return self.folder / "launch.log"

    @property
    def rounds(self) -> Path:
        """Ray Tune's files of the launch in progress, which are never read."""
        return self.folder / "rounds"

    @property
    def report(self) -> Path:
        return self.folder / "report"


@dataclass(frozen=True)
class Store:
    """The folder that holds checkpoints, unsent records, search journals and the embedded MLflow server's files."""

    root: Path

    def study(self, name: str) -> StudyPaths:
        """The files of a study.  Raises StudyError for a name that would be a path outside the store."""
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*", name):
            raise StudyError(f"'{name}' is not a valid study name", "use letters, digits, '-', '_' and single dots")
        return StudyPaths(self.studies / name)

    @property
    def studies(self) -> Path:
        return self.root / "studies"

    @property
    def tensors(self) -> Path:
        """Memory-mapped data sets, shared by all workers of a machine: below ABLATE_CACHE, else in the store.

        A cluster whose nodes share the store over a network names a local disk of each node by ABLATE_CACHE.
        """
        return (folder_named_by("ABLATE_CACHE") or self.root) / "tensors"

    @property
    def shared_tensors(self) -> Path:
        """The tensors in the store, which nodes with a local disk copy to it."""
        return self.root / "tensors"

    @property
    def measured(self) -> Path:
        """What `ablate plan` has measured on this machine: how long trials take (`ablate.driver.measured_costs`)."""
        return self.root / "measured.json"

    @property
    def sheets(self) -> Path:
        """Contact sheets: images of a data set before and after augmentation."""
        return self.root / "sheets"

    @property
    def papers(self) -> Path:
        """A folder for each paper with the page that gathers its studies."""
        return self.root / "papers"

    @property
    def comparisons(self) -> Path:
        """A folder for each comparison of two studies."""
        return self.root / "comparisons"

    @property
    def mlflow(self) -> Path:
        return self.root / "mlflow"

    @property
    def server(self) -> Path:
        """Describes the embedded MLflow server while it runs (`ablate.track.server_info`)."""
        return self.mlflow / "server.json"

    @property
    def database(self) -> Path:
        """The SQLite database of the embedded MLflow server."""
        return self.mlflow / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """The artifacts of the embedded MLflow server, beside its database."""
        return self.mlflow / "artifacts"

    def require_folder(self) -> None:
        """Raise StudyError where the store is a file, or below one."""
        existing = existing_part(self.root)
        if not existing.is_dir():
            raise StudyError("this is a file, and a store is a folder", "name another with --storage", str(existing))

    def require_writable(self) -> None:
        """Raise StudyError where the store's folder cannot be written or made."""
        self.require_folder()
        if not self.writable:
            problem, remedy = "this folder cannot be written", "name another with --storage, or check its permissions"
            raise StudyError(problem, remedy, str(existing_part(self.root)))

    @property
    def writable(self) -> bool:
        """Whether files can be made in the store's folder, as far as the permissions and the file system say."""
        return os.access(existing_part(self.root), os.W_OK | os.X_OK)


def existing_part(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(one for one in (path, *path.parents) if one.exists())


def absolute(path: Path | str, place: str = "") -> Path:
    """The path with `~` and the working folder filled in.  Raises StudyError where there is no such folder."""
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        raise StudyError("'~' names no home folder", "write the whole path, or set HOME", place or str(path)) from None
    except FileNotFoundError:
        problem, remedy = "the working folder does not exist any more", "go to another one"
        raise StudyError(problem, remedy, place or str(path)) from None


def folder_named_by(variable: str) -> Path | None:
    """The folder that an environment variable names, `~` filled in; None where it is empty or not set."""
    given = os.environ.get(variable)
    return absolute(given, f"{variable}={given}") if given else None


def home() -> Path:
    """The user's home folder.  Raises StudyError where there is none, as in some containers."""
    try:
        return Path.home()
    except RuntimeError:
        remedy = "set HOME, or ABLATE_DATA and XDG_CACHE_HOME, to a folder"
        raise StudyError("this user has no home folder", remedy, "HOME") from None


def default_store() -> Store:
    """The store that ABLATE_STORE names, else `ablate-store` in the working folder."""
    return Store(folder_named_by("ABLATE_STORE") or absolute("ablate-store"))


def data_folder() -> Path:
    """The folder with data sets' original files: ABLATE_DATA, else `ablate/data` in the user's cache folder."""
    return folder_named_by("ABLATE_DATA") or cache_folder() / "data"


def checksum_memory() -> Path:
    """The folder that remembers the checksums of the user's own data files, each until the file changes."""
    return cache_folder() / "checksums"


def cache_folder() -> Path:
    """`ablate` in the user's cache folder."""
    return user_cache() / "ablate"


def torch_folder() -> Path:
    """The folder in which torch keeps what it downloads: TORCH_HOME, else `torch` in the user's cache folder."""
    return folder_named_by("TORCH_HOME") or user_cache() / "torch"


def user_cache() -> Path:
    """The folder in which the user's programs keep what they can make or download again."""
    return folder_named_by("XDG_CACHE_HOME") or home() / ".cache"
