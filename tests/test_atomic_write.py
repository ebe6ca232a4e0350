"""Files that are written in one step: an error names the file that is at fault, and leaves nothing unfinished."""

import errno
from pathlib import Path

import pytest

from ablate.atomic_write import copy_file, replacing, write_text


def test_a_file_that_cannot_be_written_whole_keeps_its_content_and_is_named(tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    write_text(file, "before")

    def fill_the_disk() -> None:
        with replacing(file, tmp_path / ".note.part") as unfinished:
            unfinished.write_text("a part")
            raise OSError(errno.ENOSPC, "No space left on device")  # as of writing: without a name

    with pytest.raises(OSError, match="No space left on device") as raised:
        fill_the_disk()
    assert raised.value.filename == str(file)
    assert [one.name for one in tmp_path.iterdir()] == ["note.txt"]
    assert file.read_text() == "before"


def test_a_folder_that_does_not_exist_is_told_by_the_file_in_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        write_text(tmp_path / "absent" / "note.txt", "text")
    assert raised.value.filename == str(tmp_path / "absent" / "note.txt")


def test_a_copy_of_a_file_that_does_not_exist_names_that_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        copy_file(tmp_path / "absent.txt", tmp_path / "copy.txt")
    assert raised.value.filename == str(tmp_path / "absent.txt")
