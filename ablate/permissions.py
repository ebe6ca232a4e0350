"""Who may read a store: only its owner, unless it was opened; new files get the permissions of the store's folder."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ablate.paths import Store

OTHERS = 0o077  # the bits of group and others


@contextmanager
def store_permissions(store: Store, shared: bool = False) -> Iterator[None]:
    """Make the store's folder where it is missing, and within this block make files with its permissions.

    With `shared` the store is opened to others as far as this process's umask lets it be, for good.
    """
    if not store.root.exists():
        store.root.mkdir(parents=True, mode=0o777 if shared else 0o700, exist_ok=True)
    elif shared and permission_mask(store) == OTHERS:
        open_to_others(store.root)
    before = os.umask(permission_mask(store))
    try:
        yield
    finally:
        os.umask(before)


def permission_mask(store: Store) -> int:
    """The umask with which files get the permissions of the store's folder."""
    return ~stat.S_IMODE(store.root.stat().st_mode) & OTHERS


def open_to_others(folder: Path) -> None:
    """Give group and others the permissions that the owner has, as far as the umask does."""
    mask = os.umask(0)
    os.umask(mask)
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | (((mode & 0o700) >> 3 | (mode & 0o700) >> 6) & ~mask))
