"""Optuna's memory of a search: opened, repaired, and read back as proposals and their trials."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from ablate.errors import StudyError
from ablate.options import Value
from ablate.planning.design import Levels
from ablate.planning.resolve import resolve_proposal
from ablate.search.journal_repair import readable, repair
from ablate.search.space import SearchSpace, search_space
from ablate.search.storage import names_of, open_journal_file, open_storage, shared_address, storage_errors
from ablate.study.model import Study
from ablate.study.pruner import Direction
from ablate.trial import Trial, digest


def open_search(study: Study, journal: Path) -> optuna.Study:
    """The Optuna study of this search, in the shared database or else in this journal, as `open_journal` opens it."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    return create(study, open_storage(journal))


def open_journal(study: Study, journal: Path) -> optuna.Study:
    """The Optuna study of this search, created or loaded with everything it holds.

    Its name holds a digest of what the values depend on (data, fixed settings, seeds, space), so another profile of the
    same study has an Optuna study of its own.  Raises StudyError where the stored direction is another.
    """
    journal.parent.mkdir(parents=True, exist_ok=True)
    return create(study, open_journal_file(journal))


def create(study: Study, storage: BaseStorage) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with storage_errors():
        stored = optuna.create_study(
            study_name=stored_name(study),
            storage=storage,
            directions=stored_directions(study),
            load_if_exists=True,
        )
        refuse_other_directions(study, stored)
    return stored


def refuse_other_directions(study: Study, stored: optuna.Study) -> None:
    """Raise StudyError where the search has begun with other directions."""
    for metric, begun, now in zip(objectives(study), stored.directions, stored_directions(study), strict=True):
        before, after = begun.name.lower(), now.name.lower()
        if before != after:  # `load_if_exists` ignores another direction without an error
            problem = f"this search has begun to {before} {metric}, and is now to {after} it"
            remedy = f"put '{before}' back, or give the study another name"
            raise StudyError(problem, remedy, study.place("search", "objectives"))


def repair_journal(study: Study, journal: Path) -> int:
    """Set aside what Optuna could not read, as a full disk or a kill leaves it; the number of damaged lines.

    Only the process that holds the study's lock may call this.  A shared database repairs itself.
    """
    if shared_address():
        return 0
    return repair(journal, stored_name(study), [one.value for one in stored_directions(study)])


def stored_name(study: Study) -> str:
    """The name of the Optuna study."""
    return f"{study.name}-{digest(_value_depends_on(study), 8)}"


def stored_directions(study: Study) -> list[StudyDirection]:
    """The directions of the objectives, as Optuna has them."""
    return [StudyDirection[direction.upper()] for direction in objectives(study).values()]


def objectives(study: Study) -> Mapping[str, Direction]:
    assert study.search is not None
    return study.search.objectives


def proposals_in(stored: optuna.Study, space: SearchSpace) -> list[FrozenTrial]:
    """The proposals in order, without repetitions and without those that a kill left incomplete."""
    first: dict[tuple[tuple[str, Value], ...], FrozenTrial] = {}
    for frozen in stored.get_trials(deepcopy=False):
        if space.complete(frozen.params):
            first.setdefault(tuple(sorted(frozen.params.items())), frozen)
    return list(first.values())


def earlier_settings(study: Study, journal: Path, space: SearchSpace) -> list[Levels]:
    """The settings of this space that were proposed while the study had other ranges, seeds or another objective."""
    storage = open_storage(journal)
    found: list[Levels] = []
    for name in names_of(study.name, storage):
        if name != stored_name(study):
            earlier = optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)
            found += [one.params for one in earlier if space.holds(one.params) and one.params not in found]
    return found


def proposed_trials(study: Study, journal: Path) -> tuple[Trial, ...]:
    """The trials of all proposals that are stored, in order; none where the search has not begun."""
    found = read_proposals(study, journal)
    return tuple(trial for frozen in found for trial in resolve_proposal(study, frozen.params))


def read_proposals(study: Study, journal: Path) -> list[FrozenTrial]:
    """The proposals of the shared database, else of the journal, neither of which is changed."""
    if shared_address():
        return read_shared(study, journal)
    if not journal.exists():
        return []
    with readable_copy(study, journal) as copy:
        return proposals_in(open_journal(study, copy), search_space(study))


@contextmanager
def readable_copy(study: Study, journal: Path) -> Iterator[Path]:
    """A copy of the journal without what Optuna cannot read: Optuna opens a journal to write.

    An empty one where there is no journal, or where a shared database stands in for it.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / journal.name
        if journal.exists():
            directions = [one.value for one in stored_directions(study)]
            copy.write_bytes(readable(journal.read_bytes(), stored_name(study), directions)[0])
        yield copy


def read_shared(study: Study, journal: Path) -> list[FrozenTrial]:
    """The proposals of the shared database; none where the search has not begun."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = open_storage(journal)
    if stored_name(study) not in names_of(study.name, storage):
        return []
    with storage_errors():
        stored = optuna.load_study(study_name=stored_name(study), storage=storage)
        refuse_other_directions(study, stored)
        return proposals_in(stored, search_space(study))


def _value_depends_on(study: Study) -> dict[str, Any]:
    """Everything that a stored value depends on, except the direction, under the names of former versions.

    A key that a version has added is left out where it is empty: searches that are stored go on.
    """
    content = study.model_dump(mode="json", include={"cases", "seeds", "search"})
    for part in (*content["search"]["space"].values(), *content["cases"]):
        for key in ("when", "defaults"):
            if not part.get(key, True):
                del part[key]
    return {
        "cases": content["cases"],
        "seeds": content["seeds"],
        "objective": list(objectives(study)),
        "space": content["search"]["space"],
    }
