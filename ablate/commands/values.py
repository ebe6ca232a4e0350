"""Reads the study and opens the store that the arguments of a command name."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.commands.arguments import Debug, Profile, Set, StudyFile

if TYPE_CHECKING:
    from ablate.paths import Store
    from ablate.study.model import Study

Command = Callable[..., None]


def takes_study(command: Command) -> Command:
    """A command with the arguments STUDY, --profile and --set, for a function whose first parameter is the study."""

    @wraps(command)
    def call(study: str, profile: str | None, overrides: list[str] | None, **others: Any) -> None:
        command(read_study(study, profile, overrides), **others)

    added = [
        Parameter("study", Parameter.POSITIONAL_OR_KEYWORD, annotation=StudyFile),
        Parameter("profile", Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=Profile),
        Parameter("overrides", Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=Set),
    ]
    _, *others = signature(command).parameters.values()
    return declared(call, [*added, *others])


def takes_debug(command: Command) -> Command:
    """A command with the option --debug, which `failure.run_and_report` reads."""

    @wraps(command)
    def call(debug: bool, **others: Any) -> None:
        command(**others)

    added = Parameter("debug", Parameter.POSITIONAL_OR_KEYWORD, default=False, annotation=Debug)
    return declared(call, [*signature(command).parameters.values(), added])


def declared(call: Command, parameters: list[Parameter]) -> Command:
    """A function with these parameters as typer reads them, those without a default first."""
    ordered = sorted(parameters, key=lambda one: one.default is not Parameter.empty)
    call.__dict__["__signature__"] = signature(call).replace(parameters=ordered)  # read by `inspect`
    call.__annotations__ = {one.name: one.annotation for one in ordered}
    return call


def require_folder_of(option: str, file: Path) -> None:
    """Raise StudyError where the folder of a file that an option names, and that is to be written, does not exist."""
    from ablate.errors import StudyError

    if not file.absolute().parent.is_dir():
        raise StudyError(f"there is no folder {file.parent}", "make it", f"{option} {file}")


def read_study(study: str, profile: str | None, overrides: list[str] | None) -> "Study":
    from ablate.study.read import read_study as read

    return read(study, profile, tuple(overrides or ()))


def store_of(storage: Path | None) -> "Store":
    from ablate.api import store_of as store_at

    return store_at(storage)
