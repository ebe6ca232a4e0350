"""Checksums of files, and of the recordings in an archive that everybody packs anew."""

import hashlib
import zipfile
from pathlib import Path, PurePosixPath


def checksum(path: Path, kind: str) -> str:
    """'kind:hexdigits' of a file, for md5, sha256 and wav-sha256; 'bytes:size' where only that was published."""
    if kind == "bytes":
        return f"{kind}:{path.stat().st_size}"
    if kind == "wav-sha256":
        return f"{kind}:{recordings_digest(path)}"
    with path.open("rb") as file:
        return f"{kind}:{hashlib.file_digest(file, kind).hexdigest()}"


def recordings_digest(path: Path) -> str:
    """SHA-256 over the names and bytes of all .wav files of a zip archive, sorted by name, wherever they lie in it."""
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(path) as archive:
            for member in sorted(recordings(archive), key=lambda member: PurePosixPath(member).name):
                digest.update(PurePosixPath(member).name.encode() + archive.read(member))
    except (zipfile.BadZipFile, EOFError):
        return "unreadable"
    return digest.hexdigest()


def recordings(archive: zipfile.ZipFile) -> list[str]:
    """The members of a zip archive that are sound files."""
    return [member for member in archive.namelist() if member.endswith(".wav")]
