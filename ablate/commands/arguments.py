"""The arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

StudyFile = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study file, or a name: epsilon is studies/epsilon.yaml")
]
StudyName = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study file, or the name of a study that was launched")
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
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Confirm a study of more than 10,000 trials")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, errors too")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error")]
