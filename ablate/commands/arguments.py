"""The arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from ablate.paths import default_store


def study_files(begun: str) -> list[str]:
    """What the shell may complete a study to: the study files here, and the names of those below `studies`."""
    folder = Path("studies")
    below = [file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.yaml")]
    names = {*below, *(name.rpartition("/")[2] for name in below), *map(str, Path().glob("*.yaml"))}
    return sorted(name for name in names if name.startswith(begun))


def launched_names(begun: str) -> list[str]:
    """What the shell may complete the name of a launched study to."""
    folder = default_store().studies
    return sorted(path.name for path in folder.glob("*") if path.is_dir() and path.name.startswith(begun))


StudyFile = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="A study file, or a name: epsilon finds studies/invariant/epsilon.yaml",
        autocompletion=study_files,
    ),
]
StudyName = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="A study file, or the name of a study that was launched",
        autocompletion=launched_names,
    ),
]
Profile = Annotated[str | None, typer.Option("--profile", "-p", help="One of the study's profiles")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="PATH=VALUE", help="Override one value of the study; repeatable"),
]
Storage = Annotated[Path | None, typer.Option("--storage", help="The store's folder [default: ./ablate-store]")]
Address = Annotated[
    str, typer.Option("--address", help="A running Ray cluster [default: RAY_ADDRESS, else this machine]")
]
MinNodes = Annotated[
    int, typer.Option("--min-nodes", min=1, help="Nodes with CPUs that the cluster must have before anything starts")
]
Wait = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for that number of nodes")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Confirm a study of more than 10,000 trials")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, errors too")]
# read by `failure.run_and_report`, not by the commands that declare it
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error")]
