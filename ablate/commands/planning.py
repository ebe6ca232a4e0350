"""`ablate plan` and `check`: what a launch would run, and whether the study is valid."""

from pathlib import Path
from typing import TYPE_CHECKING

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
    as_json: Json = False,
) -> None:
    """Show what would run: trials, packs, finished trials, devices, time; run nothing."""
    print_plan_of(study, storage, address, yes, as_json)


def print_plan_of(study: "Study", storage: Path | None, address: str, yes: bool, as_json: bool) -> None:
    from ablate.api import plan as make_plan
    from ablate.view.answers import print_plan

    print_plan(make_plan(study, store=storage, address=address, yes=yes), as_json)


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
