"""How the command line reports an error: a line on standard error, of a study one for each mistake; with --json a JSON
value; never a traceback unless --debug is given."""

import contextlib
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence

from ablate.errors import AblateError, Interrupted, ServiceError, StudyError, from_system


def run_and_report(command: Callable[[], int | None], arguments: Sequence[str]) -> int:
    """Run a command; the exit code.  The arguments (`--json`, `--debug`) set how an exception is reported."""
    try:
        code = int(command() or 0)
        flush_output()
    except SystemExit as end:
        return code_of_exit(end)
    except BrokenPipeError:
        return reader_has_gone()
    except BaseException as error:
        if "--debug" in arguments:
            traceback.print_exc()
        return report(failure_of(error), "--json" in arguments)
    if code == Interrupted.exit_code:  # typer turns KeyboardInterrupt into this code
        return report(Interrupted("interrupted"), "--json" in arguments)
    return code


def flush_output() -> None:
    """Write what standard output holds.  Raises ServiceError where it cannot, as on a full disk."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ServiceError(f"{error.strerror}", "write to another place", "standard output") from None


def failure_of(error: BaseException) -> AblateError:
    """The exception as an error with place, problem and remedy."""
    if isinstance(error, AblateError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted")
    if hasattr(error, "format_message"):  # typer's, of wrong arguments
        return usage_error(error)
    return from_system(error) or unforeseen(error)


def usage_error(error: BaseException) -> StudyError:
    """Typer's error about the arguments of a command."""
    options = list(getattr(error, "possibilities", None) or ())
    message = getattr(error, "message", "") if options else error.format_message()  # type: ignore[attr-defined]  # typer's type is not imported
    context = getattr(error, "ctx", None)
    path = str(context.command_path).partition("ablate")[2].strip() if context is not None else ""
    problem = message.removesuffix(".").replace("Value error, ", "")
    problem, _, near = problem.partition(". Did you mean ")
    remedy = f"did you mean {' or '.join(sorted(options)) or near.removesuffix('?')}?" if options or near else ""
    help_command = " ".join(filter(None, ["ablate", path, "--help"]))
    return StudyError(problem[:1].lower() + problem[1:], remedy or f"see {help_command}", path)


def unforeseen(error: BaseException) -> ServiceError:
    """An exception that ablate did not foresee; its traceback is kept in a file, for a report on the fault."""
    problem = f"{type(error).__name__}: {error}".rstrip(": ")
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="ablate-", suffix=".txt", delete=False, encoding="utf-8", errors="replace"
        ) as file:
            file.write("".join(traceback.format_exception(error)))
        return ServiceError(problem, f"this is a fault in ablate: report it with the traceback in {file.name}")
    except OSError:
        return ServiceError(problem, "this is a fault in ablate: report it with the traceback that --debug prints")


def report(error: AblateError, as_json: bool) -> int:
    """Print an error; its exit code."""
    if not (as_json and print_json(error)):
        with contextlib.suppress(OSError):
            for one in (error, *others_of(error)):
                print(f"ablate: {one}", file=sys.stderr)
    discard_unwritten()
    return error.exit_code


def others_of(error: AblateError) -> tuple[StudyError, ...]:
    """The further mistakes of a study that were found with an error."""
    return error.others if isinstance(error, StudyError) else ()


def parts_of(error: AblateError) -> dict[str, str]:
    return {"place": error.place, "problem": error.problem, "remedy": error.remedy}


def print_json(error: AblateError) -> bool:
    """Print an error as a JSON value; False where standard output cannot be written."""
    content: dict[str, object] = {**parts_of(error), "exit_code": error.exit_code}
    if others := others_of(error):
        content["others"] = [parts_of(one) for one in others]
    try:
        print(json.dumps({"error": content}, indent=2, ensure_ascii=False), flush=True)
    except OSError:
        return False
    return True


def code_of_exit(end: SystemExit) -> int:
    """The code of a SystemExit; typer raises one where the reader of standard output has gone."""
    if isinstance(end.__context__, BrokenPipeError):
        return reader_has_gone()
    return end.code if isinstance(end.code, int) else int(end.code is not None)


def reader_has_gone() -> int:
    """The exit code where the reader of standard output, such as `head`, has closed the pipe."""
    discard_unwritten()
    return 0


def discard_unwritten() -> None:
    """Make standard output writable again, if it is not, so that Python's own flush at the exit prints no traceback."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
