"""Checksums of files, among them one of the sound files in a zip archive that does not depend on how it was packed."""

import hashlib
import zipfile
from pathlib import Path, PurePosixPath

KINDS = ("md5", "sha256", "wav-sha256", "bytes")


def checksum(path: Path, kind: str) -> str:
    """The checksum of a file as 'kind:value'.

    The value is a hexadecimal digest for md5, sha256 and wav-sha256 (see `recordings_digest`), and the size of the file
    for `bytes`, which serves where only that was published.
    """
    if kind == "bytes":
        return f"{kind}:{path.stat().st_size}"
    if kind == "wav-sha256":
        return f"{kind}:{recordings_digest(path)}"
    with path.open("rb") as file:
        return f"{kind}:{hashlib.file_digest(file, kind).hexdigest()}"


def recordings_digest(path: Path) -> str:
    """SHA-256 over the names and contents of all .wav files in a zip archive, sorted by name, whatever their folders.

    'unreadable' where the file is no zip archive or is damaged.
    """
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(path) as archive:
            for member in sorted(recordings(archive), key=lambda member: PurePosixPath(member).name):
                digest.update(PurePosixPath(member).name.encode() + archive.read(member))
    except (zipfile.BadZipFile, EOFError):
        return "unreadable"
    return digest.hexdigest()


def recordings(archive: zipfile.ZipFile) -> list[str]:
    """The names of the .wav files in a zip archive."""
    return [member for member in archive.namelist() if member.endswith(".wav")]
