"""Damaged original files: whatever is wrong with their bytes, the error names the file and what to do."""

import gzip
import io
import random
import struct
import tarfile
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ablate.data import DATASETS
from ablate.data.checksum import is_damaged
from ablate.data.cifar import Cifar10
from ablate.data.dataset import Data, Dataset, File
from ablate.data.files import fetch
from ablate.data.idx import Mnist
from ablate.data.text import Reuters
from ablate.errors import DataError
from ablate.testing.imzml import write_sample

from .test_celeba import write_celeba
from .test_cifar import batch, row, write_cifar
from .test_idx import write_emnist
from .test_rcv1 import corpus, write_rcv1
from .test_stl import SMALL, write_stl
from .test_text import pack, story

DAMAGES = 40  # of each data set
WORDS = ["space", "moon", "orbit", "engine", "wheel", "brake", "goal", "team", "score", "disk", "file", "byte"]


def write_fsdd(folder: Path) -> None:
    generator = random.Random(0)
    with zipfile.ZipFile(folder / DATASETS["fsdd"].files[0].path, "w", zipfile.ZIP_DEFLATED) as archive:
        for digit in range(3):
            content = io.BytesIO()
            with wave.open(content, "wb") as sound:
                sound.setparams((1, 2, 8000, 0, "NONE", ""))
                sound.writeframes(generator.randbytes(1200))
            archive.writestr(f"recordings/{digit}_theo_{digit}.wav", content.getvalue())


def write_mnist(folder: Path) -> None:
    for file, shape in zip(Mnist.files, [(2, 28, 28), (2,), (1, 28, 28), (1,)], strict=True):
        header = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
        (folder / file.path).write_bytes(gzip.compress(header + bytes(int(np.prod(shape)))))


def write_newsgroups(folder: Path) -> None:
    with tarfile.open(folder / DATASETS["20newsgroups"].files[0].path, "w:gz") as archive:
        for index in range(20):
            text = f"From: a\n\n{WORDS[index % 12]} {WORDS[index % 5]} {WORDS[index % 7]}\n".encode()
            member = tarfile.TarInfo(f"20news-bydate-train/group.{index % 2}/{index}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))


def write_recompressed(folder: Path) -> None:
    content = io.BytesIO()
    Image.new("RGB", (32, 32), (9, 90, 200)).save(content, "jpeg")
    jpeg = np.frombuffer(content.getvalue(), np.uint8)
    offset, label = np.arange(4) * len(jpeg), np.arange(3, dtype=np.uint8)
    file = folder / DATASETS["cifar10-jpeg"].files[0].path
    np.savez_compressed(file, jpeg=np.tile(jpeg, 3), offset=offset, label=label, n_train=2)


def write_msi(folder: Path) -> None:
    write_sample(folder, [([60.0 + index, 900.0], [1.0, 2.0]) for index in range(4)])
    np.save(folder / "MSI/targets.npy", np.linspace(0, 1, 12).reshape(4, 3))
    np.save(folder / "MSI/tissue.npy", np.array([True, False, True, True]))


def write_batches(folder: Path) -> None:
    names = Cifar10.files[0].md5sums
    write_cifar(folder, {name: batch(row(index, 1, 2), [index]) for index, name in enumerate(names)})


def write_digits(folder: Path) -> None:
    write_emnist(folder, {"train": bytes(range(28)) + bytes(756), "test": bytes(784)})


def write_photographs(folder: Path) -> None:
    write_stl(folder, SMALL)


def write_reuters(folder: Path) -> None:
    words = [f"{WORDS[index % 12]} {WORDS[index % 5]}" for index in range(20)]
    stories = [story(text, Reuters.topics[index % 4]) for index, text in enumerate(words)]
    pack(folder / Reuters.files[0].path, {"reut2-000.sgm": "".join(stories[:6]), "reut2-001.sgm": "".join(stories[6:])})


WRITERS: dict[str, Callable[[Path], None]] = {
    "fsdd": write_fsdd,
    "mnist": write_mnist,
    "20newsgroups": write_newsgroups,
    "cifar10-jpeg": write_recompressed,
    "msi": write_msi,
    "cifar10": write_batches,
    "stl10": write_photographs,
    "celeba": write_celeba,
    "emnist-digits": write_digits,
    "reuters-21578": write_reuters,
    "reuters-10k": lambda folder: write_rcv1(folder, *corpus()),
}


def damaged(content: bytes, generator: random.Random) -> bytes:
    """The content with a few flipped bits, a part that is zero, lost or doubled, or its end cut off."""
    changed, start = bytearray(content), generator.randrange(len(content))
    kind = generator.choice(["bits", "bits", "zeros", "lost", "doubled", "cut"])
    if kind == "bits":
        for _ in range(generator.choice([1, 3, 20])):
            changed[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
    elif kind == "cut":
        del changed[start:]
    else:
        part = slice(start, start + generator.choice([1, 8, 64]))
        changed[part] = {"zeros": bytes(len(changed[part])), "lost": b"", "doubled": bytes(changed[part]) * 2}[kind]
    return bytes(changed)


@pytest.mark.parametrize("name", WRITERS)
def test_a_damaged_file_is_refused_by_name_or_holds_what_it_held(name: str, tmp_path: Path) -> None:
    if name == "msi":
        pytest.importorskip("pyimzml", reason="the extra 'msi' is not installed")
    dataset, generator = DATASETS[name], random.Random(name)
    for file in dataset.files:
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
    WRITERS[name](tmp_path)
    whole = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    expected = dataset().read(tmp_path)
    refused = 0
    for _ in range(DAMAGES):
        path = generator.choice(sorted(whole))
        path.write_bytes(damaged(whole[path], generator))
        data = read_or_error(dataset(), tmp_path)
        if isinstance(data, DataError):
            refused += 1
            assert str(path.parent) in data.place
        else:
            assert is_plausible(data, expected)
        path.write_bytes(whole[path])
    assert refused > DAMAGES / 4


def read_or_error(dataset: Dataset, folder: Path) -> Data | DataError:
    try:
        return dataset.read(folder)
    except DataError as error:
        return error


def is_plausible(data: Data, expected: Data) -> bool:
    """Whether data have the types and shapes of others; the values of a format without checksums may differ."""
    return data.shape == expected.shape and data.x.dtype == expected.x.dtype and bool(data.x.float().isfinite().all())


@pytest.mark.parametrize("name", ["fsdd", "mnist", "20newsgroups", "cifar10-jpeg"])
def test_a_damaged_published_file_is_refused_before_it_is_read(name: str, tmp_path: Path) -> None:
    dataset, generator = DATASETS[name], random.Random(name)
    for file in dataset.files:
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
    WRITERS[name](tmp_path)
    path = tmp_path / dataset.files[0].path
    whole = path.read_bytes()
    for _ in range(DAMAGES // 4):
        path.write_bytes(damaged(whole, generator))
        with pytest.raises(DataError, match=r"found .*, expected .*; (delete it|move it)") as error:
            fetch(dataset, tmp_path, tmp_path / "tensors")
        assert error.value.place == str(path)


@pytest.mark.parametrize("name", ["fsdd", "mnist", "20newsgroups", "cifar10-jpeg"])
def test_a_whole_file_with_other_content_is_not_to_be_deleted(name: str, tmp_path: Path) -> None:
    dataset = DATASETS[name]
    for file in dataset.files:
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
    WRITERS[name](tmp_path)
    assert not is_damaged(tmp_path / dataset.files[0].path)
    with pytest.raises(DataError) as error:
        fetch(dataset, tmp_path, tmp_path / "tensors")
    assert "altered or packed otherwise" in str(error.value)
    assert "delete" not in str(error.value)
    assert "move it to another folder" in str(error.value)


def test_an_array_that_needs_more_memory_than_there_is_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(8)))

    def out_of_memory(content: bytes) -> torch.Tensor:
        raise MemoryError

    monkeypatch.setattr("ablate.data.idx.parse_idx", out_of_memory)
    from ablate.data.idx import read_idx

    with pytest.raises(DataError, match=r"a.gz: the file needs more memory than there is; use a machine with more"):
        read_idx(tmp_path / "a.gz")


LABELS = Mnist.files[3]  # of the test part, the smallest file


@pytest.mark.parametrize("packing", ["gunzipped", "gzipped again", "gunzipped under its old name", "a dot in its name"])
def test_a_published_file_that_is_packed_otherwise_is_found_and_verified(
    packing: str, real_data: Path, tmp_path: Path
) -> None:
    if not (real_data / LABELS.path).exists():
        pytest.skip(f"there is no {LABELS.path} in {real_data}")
    content = gzip.decompress((real_data / LABELS.path).read_bytes())
    (tmp_path / LABELS.path).parent.mkdir(parents=True)
    name = {"gunzipped": LABELS.aliases[0], "a dot in its name": LABELS.aliases[1]}.get(packing, LABELS.path)
    (tmp_path / name).write_bytes(gzip.compress(content, 1) if packing == "gzipped again" else content)
    dataset = type("Labels", (Mnist,), {"files": (LABELS,)})
    fetch(dataset, tmp_path, tmp_path / "tensors")
    assert LABELS.find(tmp_path) == tmp_path / name
    (tmp_path / name).write_bytes(content[:-1] + b"x")
    with pytest.raises(DataError, match=f"{name}: the file is "):
        fetch(dataset, tmp_path, tmp_path / "tensors")


def test_an_archive_that_macos_packed_is_verified_and_read(tmp_path: Path) -> None:
    (tmp_path / "FSDD").mkdir()
    write_fsdd(tmp_path)
    fsdd = DATASETS["fsdd"]
    path = tmp_path / fsdd.files[0].path
    expected = fsdd().read(tmp_path)
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in held.items():
            archive.writestr(f"FSDD/{name}", content)
            archive.writestr(f"__MACOSX/FSDD/recordings/._{Path(name).name}", b"attributes")
        archive.writestr("FSDD/.DS_Store", b"folder")
    assert fsdd().read(tmp_path).x.equal(expected.x)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), [("20newsgroups", "posts-sha256"), ("reuters-21578", "sgm-sha256")])
def test_texts_are_verified_however_they_are_packed(name: str, kind: str, real_data: Path, tmp_path: Path) -> None:
    (file,) = DATASETS[name].files
    if not (real_data / file.path).exists():
        pytest.skip(f"there is no {file.path} in {real_data}")
    (tmp_path / file.path).parent.mkdir(parents=True)
    with tarfile.open(real_data / file.path) as archive, tarfile.open(tmp_path / file.path, "w") as again:
        for member in archive:
            member.name = f"./other/{member.name}"
            again.addfile(member, archive.extractfile(member))
        junk = tarfile.TarInfo("./other/._20news-bydate-train")
        again.addfile(junk)
    only = File(file.path, (), tuple(one for one in file.checksums if one.startswith(kind)))
    fetch(type("Texts", (DATASETS[name],), {"files": (only,)}), tmp_path, tmp_path / "tensors")
