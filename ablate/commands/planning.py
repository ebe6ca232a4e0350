"""`ablate plan` and `check`: what a launch would run, and whether the study is valid."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.commands.arguments import Address, Json, Storage, Yes
from ablate.commands.values import takes_study

if TYPE_CHECKING:
    from ablate.study.model import Study


@takes_study
def plan(
    study: "Study",
    storage: Storage = None,
    address: Address = "",
    yes: Yes = False,
    measure: Annotated[
        bool,
        typer.Option(
            help="Time a few steps and one scoring of each kind of trial that MLflow has no finished one of, for two "
            "minutes at most; without it, the cost of such trials is not shown"
        ),
    ] = True,
    as_json: Json = False,
) -> None:
    """Show what would run: trials, packs, finished trials, devices, device-hours, time, disk; run nothing."""
    print_plan_of(study, storage, address, yes, as_json, measure)


def print_plan_of(
    study: "Study", storage: Path | None, address: str, yes: bool, as_json: bool, measure: bool = True
) -> None:
    from ablate.api import plan as make_plan
    from ablate.view.answers import print_plan
    from ablate.view.console import aside

    def say(sentence: str) -> None:
        aside.print(sentence, soft_wrap=True)

    print_plan(make_plan(study, store=storage, address=address, yes=yes, measure=measure, say=say), as_json)


@takes_study
def check(
    study: "Study",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Validate a study and run nothing."""
    from ablate.planning.valid_study import validate
    from ablate.view.answers import print_checked

    print_checked(validate(study, yes), as_json)
