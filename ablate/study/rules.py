"""What must hold between the parts of a study."""

from collections.abc import Iterator, Sequence

from ablate.errors import StudyError
from ablate.options import Value
from ablate.study.document import Node, find
from ablate.study.model import Case, Choices, Range, Search, Study
from ablate.study.scalars import shown

Path = tuple[str | int, ...]


def check(study: Study, root: Node) -> None:
    """Raise StudyError at the place of the first rule that is broken."""
    check_distinct("seed", study.seeds, ("seeds",), root)
    check_distinct("probe", study.probes, ("probes",), root)
    check_paper(study, root)
    for index, case in enumerate(study.cases):
        check_case(case, ("cases", index), root)
    check_names(study, root)
    check_design(study, root)
    if study.search is not None:
        check_search(study.search, study.cases[0], root)


def check_distinct(kind: str, values: Sequence[Value], path: Path, root: Node) -> None:
    seen = set()
    for index, value in enumerate(values):
        if identity(value) in seen:
            raise StudyError(f"{kind} {shown(value)} is written twice", "remove one", place(root, *path, index))
        seen.add(identity(value))


def identity(value: Value) -> tuple[bool, Value]:
    """Equal for 1 and 1.0, not for 1 and true."""
    return isinstance(value, bool), value


def check_paper(study: Study, root: Node) -> None:
    if study.paper is not None and study.paper.figure is not None and study.paper.table is not None:
        raise StudyError("a figure and a table are named", "keep the one that answers", place(root, "paper", "table"))


def check_case(case: Case, path: Path, root: Node) -> None:
    for axis, levels in case.axes.items():
        check_distinct("level", levels, (*path, "axes", axis), root)
        check_not_fixed(axis, find(root, path))
    for name in ("method", "dataset"):
        if name in case.fixed:
            remedy = f"write '{name}: {case.fixed[name]}' beside 'fixed'"
            raise StudyError(f"'{name}' is no setting", remedy, named(root, *path, "fixed", name))
    for axis, level in case.baseline.items():
        check_baseline(case, axis, level, (*path, "baseline", axis), root)


def check_not_fixed(axis: str, block: Node) -> None:
    """An axis is not fixed too, neither in the file nor by an override."""
    whole = {name: block.entries[name] for name in ("method", "dataset") if name in block.entries}
    fixed = whole | dict(block.entries["fixed"].entries if "fixed" in block.entries else {})
    if axis not in fixed:
        return
    node = fixed[axis]
    remedy = "remove it here, or from the axes"
    if node.place.startswith("--set"):
        remedy = f"choose its levels with --set 'axes.{axis}=[{written(node)}]'"
    raise StudyError(f"'{axis}' is an axis, so it cannot be fixed", remedy, node.named)


def written(node: Node) -> str:
    return node.content if isinstance(node.content, str) else shown(node.content)


def check_baseline(case: Case, axis: str, level: Value, path: Path, root: Node) -> None:
    if axis not in case.axes:
        remedy = f"choose from {', '.join(case.axes)}" if case.axes else "the study has no axes"
        raise StudyError(f"the baseline names '{axis}', which is no axis", remedy, named(root, *path))
    if identity(level) not in map(identity, case.axes[axis]):
        levels = ", ".join(shown(known) for known in case.axes[axis])
        raise StudyError(f"{shown(level)} is no level of '{axis}'", f"choose from {levels}", place(root, *path))


def check_names(study: Study, root: Node) -> None:
    names = [case.name for case in study.cases if case.name is not None]
    for index, case in enumerate(study.cases):
        if case.name is not None and names.count(case.name) > 1:
            where = place(root, "cases", index, "name")
            raise StudyError(f"two cases are called '{case.name}'", "rename one", where)


def check_design(study: Study, root: Node) -> None:
    """`design: search` and `search:` come together, with one case and without axes."""
    designs = [case.design == "search" for case in study.cases]
    if study.search is None and any(designs):
        where = place(root, "cases", designs.index(True), "design")
        raise StudyError("design 'search' has no ranges", "add 'search:' with trials, objectives and space", where)
    if study.search is None:
        return
    if not all(designs):
        raise StudyError("'search' stands beside another design", "write 'design: search'", named(root, "search"))
    if len(study.cases) > 1:
        where = place(root, "cases", 1)
        raise StudyError("a search has one case, and this is another", "write one study for each case", where)
    if study.cases[0].axes:
        remedy = "move them to 'search.space', as {choices: [...]}"
        raise StudyError("a search has ranges and no axes", remedy, named(root, "cases", 0, "axes"))


def check_search(search: Search, case: Case, root: Node) -> None:
    for path, space in search.space.items():
        where = ("search", "space", path)
        if path in case.fixed:
            remedy = "remove one of the two"
            raise StudyError(f"'{path}' is searched and fixed too", remedy, named(root, "cases", 0, "fixed", path))
        if isinstance(space, Choices):
            check_distinct("choice", space.choices, (*where, "choices"), root)
        else:
            for problem, remedy, key in wrong_range(space):
                raise StudyError(problem, remedy, place(root, *where, key))


def wrong_range(space: Range) -> Iterator[tuple[str, str, str]]:
    """Problem, remedy and key of whatever keeps a range from being drawn from."""
    if not space.low < space.high:
        yield f"low {shown(space.low)} is not below high {shown(space.high)}", "swap or widen them", "high"
    if space.log and not space.low > 0:
        yield f"a logarithmic range cannot begin at {shown(space.low)}", "write a 'low' above 0", "low"
    if space.log and space.step is not None:
        yield "a logarithmic range has no steps", "leave out 'step' or 'log'", "step"
    if space.step is not None and not 0 < space.step <= space.high - space.low:
        yield f"step {shown(space.step)} does not fit the range", "write one above 0 and within it", "step"


def place(root: Node, *path: str | int) -> str:
    return find(root, path).place


def named(root: Node, *path: str | int) -> str:
    return find(root, path).named
