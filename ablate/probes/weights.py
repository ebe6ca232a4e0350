"""The weights of networks that probes use: files in torch's cache, which are downloaded once."""

import hashlib
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj

from ablate.errors import DataError
from ablate.paths import torch_folder

TIMEOUT = 15.0  # seconds until a server has to answer


@dataclass(frozen=True)
class Weights:
    """The weights of a network: a file in torch's cache, downloaded where it is missing."""

    what: str  # the beginning of a sentence
    address: str
    sha256: str  # its first digits
    remedy: str  # where it can neither be found nor downloaded

    @property
    def file(self) -> Path:
        """The file in torch's cache, where `torch.hub` looks for it."""
        return torch_folder() / "hub" / "checkpoints" / self.address.rpartition("/")[2]

    def check(self) -> None:
        """Raise DataError where the file is damaged, or is missing and its address does not answer."""
        from http.client import HTTPException  # takes 0.1 s to import
        from urllib.request import Request, urlopen

        if self.is_whole():
            return
        try:
            with urlopen(Request(self.address, method="HEAD"), timeout=TIMEOUT):
                pass
        except (OSError, HTTPException) as error:
            raise self.unavailable(error) from error

    def fetch(self) -> None:
        """Download the file where it is missing.  Raises DataError where that fails, or where it is damaged."""
        from http.client import HTTPException
        from urllib.request import urlopen

        if self.is_whole():
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.file.parent) as folder:
                part = Path(folder) / "part"
                with urlopen(self.address, timeout=TIMEOUT) as response, part.open("wb") as file:
                    copyfileobj(response, file)
                if not self.has_digest(part):
                    raise OSError("the download is truncated or altered")
                part.replace(self.file)
        except (OSError, HTTPException) as error:
            raise self.unavailable(error) from error

    def is_whole(self) -> bool:
        """Whether the file is there.  Raises DataError where it is damaged."""
        with suppress(FileNotFoundError):
            if self.has_digest(self.file):
                return True
            again = f"delete it, and it is downloaded again from {self.address}"
            raise DataError(f"{self.what} are truncated or altered", again, str(self.file))
        return False

    def has_digest(self, path: Path) -> bool:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest().startswith(self.sha256)

    def unavailable(self, error: Exception) -> DataError:
        problem = f"{self.what} are missing, and {self.address} does not give them ({getattr(error, 'reason', error)})"
        return DataError(problem, self.remedy, str(self.file))
