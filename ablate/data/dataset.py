"""The interface of a data set: a description, its original files, and the tensors that they are decoded into."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from ablate.data.find import find
from ablate.data.folder import folder_checksum, is_unpacked
from ablate.data.remembered import remembered_checksum
from ablate.paths import checksum_memory
from ablate.trial import ABSENT, digest

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class File:
    """An original file: its path, the addresses to download it from, and its published checksums.

    A file without addresses and checksums is the user's own: its content is part of the key of a trial that uses it.
    So is that of a file of which nothing but the size was published, once it is there.
    """

    path: str  # below ABLATE_DATA
    addresses: tuple[str, ...] = ()  # tried in this order
    checksums: tuple[str, ...] = ()  # such as "md5:…" (see checksum.py); one must match, since archives get repacked
    aliases: tuple[str, ...] = ()  # other paths of the same content, such as that of the unpacked file
    # member → md5, of a tar archive or the folder it was unpacked to, which are whole too where all of them match
    md5sums: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()  # paths of folders that an archive may be unpacked to
    # patterns of the names that such a folder holds; left out, the names in `md5sums`
    members: tuple[str, ...] = ()

    @property
    def own(self) -> bool:
        """Whether the file is the user's own."""
        return not self.checksums and not self.addresses

    @property
    def known_by_size(self) -> bool:
        """Whether nothing but its size was published to verify the file by."""
        return bool(self.checksums) and all(one.startswith("bytes:") for one in self.checksums)

    def find(self, folder: Path) -> Path:
        """The path of the file below a folder, by its name in any case or by an alias, else that of a folder with its
        content; `path` where it is missing.
        """
        packed = find(folder, (self.path, *self.aliases))
        if not self.folders or packed.exists():
            return packed
        unpacked = (find(folder, (one,)) for one in self.folders)
        return next((one for one in unpacked if is_unpacked(one, self.members or tuple(self.md5sums))), packed)

    def content(self, folder: Path) -> str:
        """The checksum of content that is the user's own; empty for what is, or will be, verified.

        Nothing was published to verify some unpacked folders by, and only the size of some files, so their content
        counts as the user's own.
        """
        path, memory = self.find(folder), checksum_memory()
        if (self.own or self.known_by_size) and path.exists():
            return remembered_checksum(path, "sha256", memory)
        return folder_checksum(path, self.members, memory) if self.members and path.is_dir() else ""


@dataclass(frozen=True)
class Counts:
    """The points of a data set, and the targets of each."""

    samples: int  # that training sees
    probed: int  # that probes are fitted on
    evaluation: int  # of the evaluation split
    targets: int


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
    evaluated: ClassVar[int | None] = None  # the number in the evaluation split, where it differs from `samples`
    targets: ClassVar[tuple[str, ...]] = ()  # the names of the columns of `Data.targets`
    files: ClassVar[tuple[File, ...]] = ()
    optional: ClassVar[tuple[File, ...]] = ()  # files that are used where they are present

    def content(self, folder: Path) -> str:
        """What a trial's key holds of the data: a digest of the user's own content; ABSENT if a file of it is missing.

        Empty for published files: the version stands for their content, and no other content is read.  It is empty too
        before files are downloaded that are known by their size alone (`incomplete`).
        """
        if self.missing(folder):
            return ABSENT
        sums = {file.path: found for file in (*self.files, *self.optional) if (found := file.content(folder))}
        return digest(sums) if sums else ""

    def missing(self, folder: Path) -> list[Path]:
        """The paths of the user's own files that are missing below `folder`."""
        own = [file.find(folder) for file in self.files if file.own]
        return [path for path in own if not path.exists()]

    def incomplete(self, folder: Path) -> bool:
        """Whether files are missing below `folder` whose content will be part of the keys once they are downloaded."""
        return any(file.known_by_size and not file.find(folder).exists() for file in self.files)

    @classmethod
    def declared_counts(cls) -> Counts:
        """The counts that the class declares."""
        probed = cls.samples if cls.labelled is None else cls.labelled
        evaluation = cls.samples if cls.evaluated is None else cls.evaluated
        return Counts(cls.samples, probed, evaluation, len(cls.targets))

    def counts(self, folder: Path) -> Counts:
        """The counts of the data that are below `folder`: as declared, unless the user's own files decide them."""
        return self.declared_counts()

    @abstractmethod
    def read(self, folder: Path) -> Data:
        """Decode the original files below `folder`.  Raises DataError where one is damaged."""
