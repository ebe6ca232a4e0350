"""A store can be read by its owner only, unless it was opened; new files get the permissions of its folder."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ablate.doctor import cluster_nodes
from ablate.paths import Store
from ablate.permissions import store_permissions


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def write(store: Store, name: str) -> Path:
    (store.root / name).mkdir()
    (store.root / name / "file").write_text("content", encoding="utf-8")
    return store.root / name


def test_a_new_store_is_its_owners_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "below" / "store")
    with store_permissions(store):
        folder = write(store, "first")
    assert [mode(path) for path in (store.root, folder, folder / "file")] == [0o700, 0o700, 0o600]
    assert mode(tmp_path / "below") == 0o755  # a folder above it is made as usual
    outside = tmp_path / "outside"
    outside.touch()
    assert mode(outside) == 0o644, "the umask is what it was"


def test_a_shared_store_is_as_open_as_the_umask_and_stays_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with store_permissions(store, shared=True):
        folder = write(store, "first")
    with store_permissions(store):
        later = write(store, "later")
    assert [mode(path) for path in (store.root, folder, later / "file")] == [0o755, 0o755, 0o644]


def test_a_store_that_is_shared_later_is_opened_with_what_it_holds(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with store_permissions(store):
        folder = write(store, "first")
    with store_permissions(store, shared=True):
        later = write(store, "later")
    assert [mode(path) for path in (folder, folder / "file", later / "file")] == [0o755, 0o644, 0o644]


def test_a_store_that_doctor_makes_is_its_owners_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert list(cluster_nodes(store, [])) == []
    assert mode(store.root) == 0o700
    assert list(store.root.iterdir()) == []
