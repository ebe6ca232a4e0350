"""What a data set is: which files it is made of, and the tensors they become."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from torch import Tensor


@dataclass(frozen=True)
class File:
    """One original file, where it may be fetched, and the published checksum that it must have."""

    path: str  # below ABLATE_DATA
    addresses: tuple[str, ...] = ()
    checksums: tuple[str, ...] = ()  # such as "md5:…"; any will do, since re-packed archives differ (see checksum.py)


@dataclass(frozen=True)
class Data:
    """A whole data set in memory.

    `x` (N, ...) is uint8 or float32 and becomes the input as `x * scale`; `y` (N,) holds int64 labels; `test` (N,) is
    true for the held-out points.  Training sees `x[~test]`, or everything where the set `learns_from` all points; what
    is measured without labels (clusters, neighbours in the plane) looks at the test points, or at everything.
    """

    x: Tensor
    y: Tensor
    test: Tensor
    scale: float
    learns_from: Literal["train", "all"]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.x.shape[1:])

    @property
    def seen(self) -> Tensor:
        """Mask (N,) of the points that training sees."""
        return self.test.logical_not() if self.learns_from == "train" else self.test.new_ones(len(self.test))

    @property
    def judged(self) -> Tensor:
        """Mask (N,) of the points that measures without labels look at."""
        return self.test if self.learns_from == "train" else self.test.new_ones(len(self.test))


class Dataset(ABC):
    """The description of a data set; `read` turns its original files into tensors."""

    version: ClassVar[str] = "1"  # raise it when preprocessing changes
    source: ClassVar[str]  # author, year, where
    says: ClassVar[str]  # one sentence: what is in it
    shape: ClassVar[tuple[int, ...]]
    classes: ClassVar[int]
    samples: ClassVar[int]  # what training sees
    files: ClassVar[tuple[File, ...]] = ()

    @abstractmethod
    def read(self, folder: Path) -> Data:
        """Decode the verified original files below `folder`."""
