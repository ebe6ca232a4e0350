"""The interface of a data set: a description, its original files, and the tensors that they are decoded into."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class File:
    """An original file: its path, the addresses to download it from, and its published checksums."""

    path: str  # below ABLATE_DATA
    addresses: tuple[str, ...] = ()  # tried in this order
    checksums: tuple[str, ...] = ()  # such as "md5:…" (see checksum.py); one must match, since archives get repacked


@dataclass(frozen=True)
class Data:
    """A whole data set in memory, training and test points together.

    - `x` (N, ...), uint8 or float32; the input of a network is `x * scale`.
    - `y` (N,), int64 labels; -1 for a point without a label.
    - `test` (N,), bool; true for the held-out points.
    - `targets` (N, T), float32: further values that a probe may predict.
    - `training_split`: the points that training sees.  `train` are those that are not held out, `unlabelled` those of
      them that have no label, `all` every point.
    """

    x: Tensor
    y: Tensor
    test: Tensor
    scale: float
    training_split: Literal["train", "unlabelled", "all"]
    targets: Tensor | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return tuple(self.x.shape[1:])

    @property
    def seen(self) -> Tensor:
        """Mask (N,) of the points that training sees."""
        if self.training_split == "all":
            return self.test.new_ones(len(self.test))
        return ~self.test if self.training_split == "train" else ~self.test & (self.y < 0)

    @property
    def evaluation(self) -> Tensor:
        """Mask (N,) of the evaluation split, for measures that need no labels: the test points, or all if all train."""
        return self.test.new_ones(len(self.test)) if self.training_split == "all" else self.test

    @property
    def probed(self) -> Tensor:
        """Mask (N,) of the points that probes are fitted on: not held out, and labelled unless no point has a label."""
        labelled = self.y >= 0
        return ~self.test & labelled if labelled.any() else ~self.test


class Dataset(ABC):
    """The description of a data set, and the decoder of its original files.

    `ablate.testing.datasets.DatasetContract` tests what a data set promises.
    """

    version: ClassVar[str] = "1"  # to be changed whenever the preprocessing changes
    source: ClassVar[str]  # author, year, title
    description: ClassVar[str]  # what it contains, in one sentence
    shape: ClassVar[tuple[int, ...]]  # of one sample
    classes: ClassVar[int]  # 0 where there are no labels
    samples: ClassVar[int]  # the number of points that training sees
    labelled: ClassVar[int | None] = None  # the number that probes are fitted on, where it differs from `samples`
    targets: ClassVar[tuple[str, ...]] = ()  # the names of the columns of `Data.targets`
    files: ClassVar[tuple[File, ...]] = ()

    def fingerprint(self, folder: Path) -> str:
        """Text that differs whenever the decoded tensors may: the version, which suffices for published files.

        A data set that is read from a user's own files below `folder` adds a digest of those.
        """
        return self.version

    @abstractmethod
    def read(self, folder: Path) -> Data:
        """Decode the original files below `folder`.  Raises DataError where one is damaged."""
