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

    `x` (N, ...) is uint8 or float32 and becomes the input as `x * scale`; `y` (N,) holds int64 labels, -1 where a point
    has none; `test` (N,) is true for the held-out points; `targets` (N, T) float32 are what else a probe may predict.
    Training sees `x[~test]`, only those without a label where the set `learns_from` unlabelled points, or everything
    where it learns from all; what is measured without labels (clusters, neighbours in the plane) looks at the test
    points, or at everything.
    """

    x: Tensor
    y: Tensor
    test: Tensor
    scale: float
    learns_from: Literal["train", "unlabelled", "all"]
    targets: Tensor | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.x.shape[1:])

    @property
    def seen(self) -> Tensor:
        """Mask (N,) of the points that training sees."""
        if self.learns_from == "all":
            return self.test.new_ones(len(self.test))
        return ~self.test if self.learns_from == "train" else ~self.test & (self.y < 0)

    @property
    def evaluation(self) -> Tensor:
        """Mask (N,) of the points that measures without labels look at."""
        return self.test.new_ones(len(self.test)) if self.learns_from == "all" else self.test

    @property
    def probed(self) -> Tensor:
        """Mask (N,) of the points that probes fit on: those with a label, or all where none has one, not held out."""
        labelled = self.y >= 0
        return ~self.test & labelled if labelled.any() else ~self.test


class Dataset(ABC):
    """The description of a data set; `read` turns its original files into tensors."""

    version: ClassVar[str] = "1"  # raise it when preprocessing changes
    source: ClassVar[str]  # author, year, where
    description: ClassVar[str]  # one sentence: what is in it
    shape: ClassVar[tuple[int, ...]]
    classes: ClassVar[int]
    samples: ClassVar[int]  # what training sees
    labelled: ClassVar[int | None] = None  # what probes fit on, where these are not the points that training sees
    targets: ClassVar[tuple[str, ...]] = ()  # the names of the columns of `Data.targets`
    files: ClassVar[tuple[File, ...]] = ()

    def edition(self, folder: Path) -> str:
        """What tells the tensors apart that files below `folder` become: the version, while these are published."""
        return self.version

    @abstractmethod
    def read(self, folder: Path) -> Data:
        """Decode the verified original files below `folder`."""
