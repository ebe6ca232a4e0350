"""`ablate plan` and `check`: what a launch would run, and whether the study is valid."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.commands.arguments import Address, Json, Storage, Yes
from ablate.commands.values import require_folder_of, takes_study

if TYPE_CHECKING:
    from ablate.planning.plan import Plan
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
    trials: Annotated[
        Path | None,
        typer.Option(help="Write the trials that are left to run to this file, as `python -m ablate.run` takes it"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what would run: trials, packs, finished trials, devices, device-hours, time, disk; run nothing."""
    if trials is not None:
        require_folder_of("--trials", trials)
    planned = print_plan_of(study, storage, address, yes, as_json, measure)
    if trials is not None:
        write_trials(planned, trials)


def print_plan_of(
    study: "Study", storage: Path | None, address: str, yes: bool, as_json: bool, measure: bool = True
) -> "Plan":
    from ablate.api import plan as make_plan
    from ablate.view.answers import print_plan
    from ablate.view.console import aside

    def say(sentence: str) -> None:
        aside.print(sentence, soft_wrap=True)

    planned = make_plan(study, store=storage, address=address, yes=yes, measure=measure, say=say)
    print_plan(planned, as_json)
    return planned


def write_trials(planned: "Plan", file: Path) -> None:
    """Write the trials that are left to run as a list in JSON; StudyError where some have yet to be proposed."""
    import json

    from ablate.atomic_write import write_output
    from ablate.errors import StudyError

    if planned.proposals:
        raise StudyError("trials that are proposed during a launch cannot be listed", "leave out --trials", str(file))
    write_output(file, json.dumps([one.to_run.to_json() for one in planned.left], indent=1) + "\n")


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
