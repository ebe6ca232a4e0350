"""What a study says of settings: one statement for every value, with its places."""

from collections.abc import Iterator
from dataclasses import dataclass

from ablate.options import Value
from ablate.study.model import Choices, Range, Study

WHOLE = ("method", "dataset")  # paths that name a thing, not a setting of one


@dataclass(frozen=True)
class Statement:
    """Somewhere it is written that the path has this value."""

    path: str
    value: Value
    varies: bool
    named: str  # where the path stands
    place: str  # where the value does


def statements(study: Study, index: int) -> Iterator[Statement]:
    """All that is said of one case: its method and data set, what is fixed, the levels of axes, the ends of ranges."""
    case, here = study.cases[index], ("cases", index)
    for whole, name in {"method": case.method, "dataset": case.dataset}.items():
        if whole not in case.axes:
            yield Statement(whole, name, False, study.named(*here, whole), study.place(*here, whole))
    for path, value in case.fixed.items():
        yield Statement(path, value, False, study.named(*here, "fixed", path), study.place(*here, "fixed", path))
    for path, levels in case.axes.items():
        for position, level in enumerate(levels):
            where = (*here, "axes", path, position)
            yield Statement(path, level, True, study.named(*where[:-1]), study.place(*where))
    yield from searched(study)


def searched(study: Study) -> Iterator[Statement]:
    for path, space in study.search.space.items() if study.search is not None else ():
        where = ("search", "space", path)
        for step, value in ends(space).items():
            yield Statement(path, value, True, study.named(*where), study.place(*where, *step))


def ends(space: Range | Choices) -> dict[tuple[str | int, ...], Value]:
    """Where in a space which values stand."""
    if isinstance(space, Choices):
        return {("choices", position): choice for position, choice in enumerate(space.choices)}
    return {("low",): space.low, ("high",): space.high}
