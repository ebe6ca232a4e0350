"""The command line: parse, call one function, print.  Heavy packages are imported by the commands that need them."""

import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

from ablate.commands import describing, launching, planning, removing, results, submitting
from ablate.commands.failure import run_and_report
from ablate.commands.values import takes_debug

app = typer.Typer(
    help="Hyperparameter studies and ablations of self-supervised learning, run with Ray and recorded in MLflow.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, Callable[..., None]] = {
    "launch": launching.launch,
    "retry": launching.retry,
    "submit": submitting.submit,
    "plan": planning.plan,
    "check": planning.check,
    "status": results.status,
    "logs": results.logs,
    "stop": launching.stop,
    "report": results.report,
    "diff": results.diff,
    "ui": results.ui,
    "sync": launching.sync,
    "rm": removing.rm,
    "gc": removing.gc,
    "doctor": describing.doctor,
    "list": describing.list_entries,
}
for name, command in COMMANDS.items():
    app.command(name)(takes_debug(command))


def print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ablate {version('ablate')}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version")
    ] = False,
) -> None:
    """Hyperparameter studies and ablations of self-supervised learning, run with Ray and recorded in MLflow."""


def main() -> NoReturn:
    """Run the command that the arguments name, and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # text that the locale cannot encode
    sys.exit(run_and_report(lambda: app(standalone_mode=False, prog_name="ablate"), sys.argv[1:]))
