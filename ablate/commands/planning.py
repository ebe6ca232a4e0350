"""`ablate plan` and `check`: what a launch would run, and whether the study is valid."""

from pathlib import Path
from typing import TYPE_CHECKING

from ablate.commands.arguments import Address, Debug, Json, Profile, Set, Storage, StudyFile, Yes
from ablate.commands.values import read_study

if TYPE_CHECKING:
    from ablate.study.model import Study


def plan(
    study: StudyFile,
    profile: Profile = None,
    overrides: Set = None,
    storage: Storage = None,
    address: Address = "",
    yes: Yes = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what would run: trials, packs, finished trials, devices, time; run nothing."""
    print_plan_of(read_study(study, profile, overrides), storage, address, yes, as_json)


def print_plan_of(study: "Study", storage: Path | None, address: str, yes: bool, as_json: bool) -> None:
    from ablate.api import plan as make_plan
    from ablate.view.answers import print_plan

    print_plan(make_plan(study, store=storage, address=address, yes=yes), as_json)


def check(
    study: StudyFile,
    profile: Profile = None,
    overrides: Set = None,
    yes: Yes = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Validate a study and run nothing."""
    from ablate.planning.valid_study import validate
    from ablate.view.answers import print_checked

    print_checked(validate(read_study(study, profile, overrides), yes), as_json)
