"""What can go wrong for a user, each in one sentence: `place: problem; remedy`."""

from typing import ClassVar


class AblateError(Exception):
    """Something a user can fix."""

    exit_code: ClassVar[int] = 1

    def __init__(self, problem: str, remedy: str = "", place: str = "") -> None:
        super().__init__(problem, remedy, place)  # all arguments, so that errors survive pickle
        self.problem = problem
        self.remedy = remedy
        self.place = place

    def __str__(self) -> str:
        sentence = f"{self.problem}; {self.remedy}" if self.remedy else self.problem
        return f"{self.place}: {sentence}" if self.place else sentence


class TrialError(AblateError):
    """A trial cannot go on."""


class ServiceError(AblateError):
    """Ray, MLflow or another launch stands in the way."""


class StudyError(AblateError):
    """The study file or the command line is wrong."""

    exit_code = 2


class DataError(AblateError):
    """A data set is missing or damaged."""

    exit_code = 3


class Interrupted(AblateError):
    """Somebody asked for a stop."""

    exit_code = 130
