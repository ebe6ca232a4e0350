"""Files of tensors and plain values that name the trial they belong to and hold a digest of their content."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ablate.atomic_write import replacing
from ablate.deferred import torch
from ablate.errors import DamagedFile

KEY, DIGEST = "key", "digest"


def save(path: Path, key: str, content: Mapping[str, Any]) -> None:
    """Write a trial's file atomically and durably: after a crash it is the previous one or this one, never a part."""
    named = {**content, KEY: key}
    with (
        replacing(path, path.with_name(f"{path.name}.{os.getpid()}.partial")) as partial,
        partial.open("wb") as file,
    ):
        torch.save({**named, DIGEST: content_digest(named)}, file)
        file.flush()
        os.fsync(file.fileno())
    synchronize(path.parent)


def synchronize(folder: Path) -> None:
    """Flush the folder to disk, so that a rename in it survives a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(path: Path) -> dict[str, Any]:
    """The content of a file, with the trial's key; files of version 0.1 have neither key nor digest.

    Raises FileNotFoundError where there is none, DamagedFile where its bytes are not those that were written.
    """
    stored = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(stored)) as archive:
            damaged = archive.testzip()  # of version 0.1: torch ignores the archive's checksums
        content: dict[str, Any] = torch.load(io.BytesIO(stored), map_location="cpu", weights_only=True)
        written = content.pop(DIGEST, None)
        right = written is None or written == content_digest(content)
    except Exception as error:  # torch, zipfile and pickle raise different types for damaged bytes
        raise DamagedFile(f"the file is damaged ({type(error).__name__})", "", str(path)) from error
    if damaged or not right:
        raise DamagedFile("the file is damaged (its content does not have its digest)", "", str(path))
    return content


def check_key(path: Path, found: str, expected: str) -> None:
    """Raise DamagedFile where a file belongs to another trial than expected."""
    if found != expected:
        whose = f"is of trial {found}" if found else "names no trial"
        raise DamagedFile(f"the file {whose}, not of {expected}", "", str(path))


def check_recorded(path: Path, before: int, now: int) -> None:
    """Raise DamagedFile where more values were recorded before a file was written than there are now."""
    if before > now:
        raise DamagedFile(f"the file follows {before} recorded values, of which {now} are left", "", str(path))


def content_digest(content: Mapping[str, Any]) -> str:
    """The SHA-256 of nested mappings and sequences of tensors and plain values: their names, types, shapes, bytes."""
    digest = hashlib.sha256()
    _update(digest, content)
    return digest.hexdigest()


def _update(digest: hashlib._Hash, value: Any) -> None:
    if isinstance(value, torch.Tensor):
        digest.update(f"{value.dtype} {tuple(value.shape)} ".encode())
        flat: Any = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        digest.update(flat)
    elif isinstance(value, Mapping):
        digest.update(f"mapping of {len(value)} ".encode())
        for name, item in value.items():
            digest.update(f"{name!r}: ".encode())
            _update(digest, item)
    elif isinstance(value, list | tuple):
        digest.update(f"sequence of {len(value)} ".encode())
        for item in value:
            _update(digest, item)
    else:
        digest.update(f"{value!r} ".encode())
