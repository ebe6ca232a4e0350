"""The keys and names of a study's trials, saved in its folder at each launch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablate.atomic_write import write_text
from ablate.codec import Codec
from ablate.paths import StudyPaths

if TYPE_CHECKING:
    from ablate.planning.plan import Plan


@dataclass(frozen=True)
class SavedPlan:
    """The trials of a study's last launch, kept in its folder so that `ablate status` need not resolve the study."""

    names: Mapping[str, str]  # key → name
    proposals: int  # trials that a search has yet to propose, and those that confirm its best
    others: tuple[str, ...] = ()  # keys that were recorded then and are no trials of the plan


PLAN_CODEC: Codec[SavedPlan] = Codec({"plan": SavedPlan}, version=1)


def save_plan(plan: "Plan", paths: StudyPaths, recorded: Iterable[str]) -> None:
    """Write the plan's trials into the study's folder; `recorded` are the keys that MLflow has."""
    names = {planned.key: planned.trial.name for planned in plan.trials}
    proposals = plan.proposals if plan.study.search else 0
    saved = SavedPlan(names, proposals, tuple(sorted(set(recorded) - names.keys())))
    write_text(paths.plan, PLAN_CODEC.encode(saved))


def load_plan(paths: StudyPaths) -> SavedPlan | None:
    """The saved plan; None where there is none, or one of another version."""
    try:
        return PLAN_CODEC.decode(paths.plan.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
