"""Checksums of files, among them some of a file's content that do not depend on how it was packed."""

import gzip
import hashlib
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

CHUNK = 2**20  # bytes
GZIP, ZIP = b"\x1f\x8b", b"PK"  # how such a file begins
ENDING = {
    "wav-sha256": ".wav",
    "sgm-sha256": ".sgm",
    "posts-sha256": "",
    "npy-sha256": ".npy",
}  # of the members that the checksum is of
PARTS = {
    "wav-sha256": 1,
    "sgm-sha256": 1,
    "posts-sha256": 3,
    "npy-sha256": 1,
}  # of a member's path that belong to its name
KINDS = ("md5", "sha256", "unpacked-sha256", *ENDING, "bytes")


def checksum(path: Path, kind: str) -> str:
    """The checksum of a file as 'kind:value'; the value is 'unreadable' where an archive is damaged.

    `md5` and `sha256` are of the file's bytes, `unpacked-sha256` of what a gzipped file unpacks to (or of the bytes of
    one that is not packed), `wav-`, `sgm-`, `posts-` and `npy-sha256` of an archive's members (see `members_digest`).
    `bytes` is the size of the file, which serves where only that was published.
    """
    if kind == "bytes":
        return f"{kind}:{path.stat().st_size}"
    if kind == "unpacked-sha256":
        return f"{kind}:{unpacked_digest(path)}"
    if kind in ENDING:
        return f"{kind}:{members_digest(path, ENDING[kind], PARTS[kind])}"
    with path.open("rb") as file:
        return f"{kind}:{hashlib.file_digest(file, kind).hexdigest()}"


def unpacked_digest(path: Path) -> str:
    """SHA-256 of what a gzipped file unpacks to, or of a file that is not gzipped; 'unreadable' where it is damaged."""
    try:
        with open_unpacked(path) as content:
            return digest_of(content, "sha256")
    except Exception:  # whatever a damaged stream raises
        return "unreadable"


def open_unpacked(path: Path) -> IO[bytes]:
    """Open a file, through gzip where it is gzipped, whatever its name."""
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
    return gzip.open(path) if packed else path.open("rb")  # type: ignore[return-value]  # a GzipFile reads bytes


def members_digest(path: Path, ending: str, parts: int) -> str:
    """SHA-256 over the names and contents of an archive's members with an ending, sorted by name.

    The name is the last `parts` parts of the path, so it does not matter in which folder they were packed.
    'unreadable' where the file is no archive or is damaged.
    """
    digest = hashlib.sha256()
    try:
        found = {"/".join(PurePosixPath(name).parts[-parts:]): content for name, content in members(path, ending)}
    except Exception:  # whatever a damaged archive raises
        return "unreadable"
    for name, content in sorted(found.items()):
        digest.update(name.encode() + content)
    return digest.hexdigest()


def members(path: Path, ending: str = "") -> Iterator[tuple[str, bytes]]:
    """Name and content of the files in a zip or tar archive whose names have an ending, without the packer's own."""
    with path.open("rb") as file:
        zipped = file.read(len(ZIP)) == ZIP
    if zipped:
        with zipfile.ZipFile(path) as archive:
            for one in archive.infolist():
                if is_wanted(one.filename, ending) and not one.is_dir():
                    yield one.filename, archive.read(one)
        return
    with open_unpacked(path) as stream, tarfile.open(fileobj=stream) as tar:
        for member in tar:
            content = tar.extractfile(member) if is_wanted(member.name, ending) and member.isfile() else None
            if content is not None:
                yield member.name, content.read()
        while stream.read(CHUNK):  # a damaged header ends a tar file without an error; gzip's checksum is at the end
            pass


def is_wanted(name: str, ending: str = "") -> bool:
    """Whether a member of an archive has the ending, and is none of those that macOS adds."""
    path = PurePosixPath(name)
    return path.name.endswith(ending) and "__MACOSX" not in path.parts and not path.name.startswith(("._", ".DS_Store"))


def has_members(path: Path, md5sums: dict[str, str]) -> bool:
    """Whether an archive holds a member of each name, in whatever folder, with the md5 that is given for it."""
    found: dict[str, str] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                content = archive.extractfile(member) if name in md5sums and is_wanted(member.name) else None
                if content is not None:
                    found[name] = digest_of(content, "md5")
    except Exception:  # whatever a damaged archive raises
        return False
    return found == md5sums


def is_damaged(path: Path) -> bool:
    """Whether a file that is an archive by its name cannot be unpacked whole, by the checksums that archives hold."""
    try:
        if path.suffix in (".zip", ".npz"):
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is not None
        if path.suffix in (".gz", ".tgz"):
            with gzip.open(path) as content:
                while content.read(CHUNK):
                    pass
    except Exception:  # whatever a damaged archive raises
        return True
    return False


def digest_of(content: IO[bytes], kind: str) -> str:
    """The hexadecimal digest of a stream of bytes."""
    digest = hashlib.new(kind)
    while chunk := content.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
