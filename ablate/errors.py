"""Exceptions for problems that a user can fix; their messages read `place: problem; remedy`."""

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar


def escaped(text: str) -> str:
    """The text with escapes in place of characters that a terminal acts on or that reorder a line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def in_one_line(text: str) -> str:
    """The text in one line, of printable characters."""
    return escaped(" ".join(text.splitlines()))


class AblateError(Exception):
    """A problem that a user can fix; `exit_code` is the command line's."""

    exit_code: ClassVar[int] = 1

    def __init__(self, problem: str, remedy: str = "", place: str = "") -> None:
        super().__init__(problem, remedy, place)  # all arguments, so that the error can be pickled
        self.problem = problem
        self.remedy = remedy
        self.place = place

    def __str__(self) -> str:
        sentence = f"{self.problem}; {self.remedy}" if self.remedy else self.problem
        return in_one_line(f"{self.place}: {sentence}" if self.place else sentence)


class TrialError(AblateError):
    """A trial cannot continue."""


class ServiceError(AblateError):
    """Ray or MLflow is unavailable, or another launch holds a lock."""


class ServiceAway(ServiceError):
    """A service (MLflow, Ray's head) did not answer for as long as it was waited for: the same command may do later."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h, after which batch systems start a job again


class StudyError(AblateError):
    """The study file or the command line is wrong; `others` are the further mistakes that were found with this one."""

    exit_code = 2

    def __init__(self, problem: str, remedy: str = "", place: str = "", others: "Sequence[StudyError]" = ()) -> None:
        super().__init__(problem, remedy, place)
        self.others = tuple(others)


class DataError(AblateError):
    """A data set is missing or damaged."""

    exit_code = 3


class DamagedFile(DataError):
    """A file of a trial, at `place`, is damaged or belongs to another trial."""


class Interrupted(AblateError):
    """The launch was stopped on request."""

    exit_code = 130


def raise_first(found: Iterable[StudyError]) -> None:
    """Raise the first of some errors, with the others; nothing where there is none.

    One of two errors with the same place and problem is left out.
    """
    distinct: dict[tuple[str, str], StudyError] = {}
    for error in found:
        for one in (error, *error.others):
            distinct.setdefault((one.place, one.problem), one)
    if distinct:
        first, *others = distinct.values()
        raise StudyError(first.problem, first.remedy, first.place, others)


def check_all(checks: Iterable[Callable[[], None]]) -> None:
    """Make all of these checks, and raise the StudyError of the first that fails, with those of the others."""
    found: list[StudyError] = []
    for check in checks:
        try:
            check()
        except StudyError as error:
            found.append(error)
    raise_first(found)


@contextmanager
def placed_at(place: str) -> Iterator[None]:
    """Add the place to a StudyError that has none."""
    try:
        yield
    except StudyError as error:
        raise StudyError(error.problem, error.remedy, error.place or place, error.others) from None


FREE_SPACE = "free some space, or name another place"
REMEDIES = {  # errno → remedy
    errno.EACCES: "check its permissions, or name another place",
    errno.EPERM: "check its permissions, or name another place",
    errno.EROFS: "the file system is read-only: name another place",
    errno.ENOSPC: FREE_SPACE,
    errno.EDQUOT: FREE_SPACE,
    errno.ENAMETOOLONG: "shorten the path",
    errno.EMFILE: "allow more open files, as with ulimit -n 4096",
    errno.ENOMEM: "close other programs",
}


def is_full_disk(error: BaseException) -> bool:
    """Whether a file could not be written since its disk, or the user's share of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def from_system(error: BaseException) -> AblateError | None:
    """An error of the operating system, of an encoding or of memory, as one that the user can fix; None for others."""
    if isinstance(error, OSError):
        place = str(error.filename) if error.filename is not None else ""
        problem = error.strerror or str(error) or type(error).__name__
        return ServiceError(problem, REMEDIES.get(error.errno or 0, "check the path and the device"), place)
    if isinstance(error, UnicodeError):
        return ServiceError(f"text that is not in the expected encoding ({error})", "save the file as UTF-8")
    if isinstance(error, MemoryError):
        return ServiceError("the memory is full", "close other programs, or use a smaller batch or data set")
    return None
