"""Exceptions for problems that a user can fix; their messages read `place: problem; remedy`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar


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
        return f"{self.place}: {sentence}" if self.place else sentence


class TrialError(AblateError):
    """A trial cannot continue."""


class ServiceError(AblateError):
    """Ray or MLflow is unavailable, or another launch holds a lock."""


class StudyError(AblateError):
    """The study file or the command line is wrong."""

    exit_code = 2


class DataError(AblateError):
    """A data set is missing or damaged."""

    exit_code = 3


class Interrupted(AblateError):
    """The launch was stopped on request."""

    exit_code = 130


@contextmanager
def placed_at(place: str) -> Iterator[None]:
    """Add the place to a StudyError that has none."""
    try:
        yield
    except StudyError as error:
        raise StudyError(error.problem, error.remedy, error.place or place) from None
