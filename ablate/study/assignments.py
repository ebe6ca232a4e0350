"""Every value that a study assigns to a path, with the places of its key and of the value."""

from collections.abc import Iterator
from dataclasses import dataclass

from ablate.options import Value
from ablate.study.model import Study
from ablate.study.search import Choices, Range

METHOD_AND_DATASET = ("method", "dataset")  # the paths that are not settings


@dataclass(frozen=True)
class Assignment:
    """One value of a path: a fixed value, a level of an axis, or a value of a search's space."""

    path: str
    value: Value
    varies: bool  # whether the path is an axis or searched
    key_place: str  # where the path is written
    place: str  # where the value is written


def assignments(study: Study, index: int) -> Iterator[Assignment]:
    """All assignments of one case: its method and data set, fixed settings, levels of axes, and the search's space."""
    case, here = study.cases[index], ("cases", index)
    for key, name in {"method": case.method, "dataset": case.dataset}.items():
        if key not in case.axes:
            yield Assignment(key, name, False, study.key_place(*here, key), study.place(*here, key))
    for path, value in case.fixed.items():
        yield Assignment(path, value, False, study.key_place(*here, "fixed", path), study.place(*here, "fixed", path))
    for path, levels in case.axes.items():
        for position, level in enumerate(levels):
            where = (*here, "axes", path, position)
            yield Assignment(path, level, True, study.key_place(*where[:-1]), study.place(*where))
    yield from search_assignments(study)


def search_assignments(study: Study) -> Iterator[Assignment]:
    """The assignments of a search's space: both ends of every range, and all choices."""
    for path, space in study.search.space.items() if study.search is not None else ():
        where = ("search", "space", path)
        for steps, value in space_values(space).items():
            yield Assignment(path, value, True, study.key_place(*where), study.place(*where, *steps))


def space_values(space: Range | Choices) -> dict[tuple[str | int, ...], Value]:
    """Steps within the space (`("low",)`, `("choices", 0)`) → value, for both ends of a range or for all choices."""
    if isinstance(space, Choices):
        return {("choices", position): choice for position, choice in enumerate(space.choices)}
    return {("low",): space.low, ("high",): space.high}
