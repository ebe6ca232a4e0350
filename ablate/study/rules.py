"""Rules between the parts of a study that the types of its data model cannot express."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from ablate.errors import StudyError, check_all
from ablate.options import Value
from ablate.registry import suggest
from ablate.study.document import YamlNode, find_node
from ablate.study.fields import comparable
from ablate.study.model import Case, Study
from ablate.study.scalars import format_value
from ablate.study.search import Choices, Range, Search, contains, on_step

NodePath = tuple[str | int, ...]


def check_rules(study: Study, root: YamlNode) -> None:
    """Raise StudyError at the place of the first violation, with the others."""
    cases = [partial(check_case_rules, case, ("cases", index), root) for index, case in enumerate(study.cases)]
    checks: list[Callable[[], None]] = [
        lambda: check_seeds(study, root),
        lambda: check_distinct("probe", study.probes, ("probes",), root),
        lambda: check_paper_reference(study, root),
        *cases,
        lambda: check_case_names(study, root),
        lambda: check_search(study, root),
        lambda: check_pruner_place(study, root),
    ]
    check_all(checks)


def check_search(study: Study, root: YamlNode) -> None:
    """Raise StudyError where a search has no design or no space that suits it, or a design no search."""
    check_search_design(study, root)
    if study.search is not None:
        check_search_space(study.search, study.cases[0], root)


def check_seeds(study: Study, root: YamlNode) -> None:
    """Raise StudyError for a seed that is written twice, and for a rule whose numbers contradict each other."""
    rule = study.seed_rule
    if rule is None:
        check_distinct("seed", study.first_seeds, ("seeds",), root)
        return
    if rule.at_least > rule.at_most:
        where = place_of(root, "seeds", "at_most")
        raise StudyError(f"at_most {rule.at_most} is below at_least {rule.at_least}", "swap or raise it", where)
    if study.search is not None:
        remedy = "write how many seeds each proposal has, as in 'seeds: 3'"
        raise StudyError("a search compares with no baseline, so it adds no seeds", remedy, place_of(root, "seeds"))
    if study.margin is not None and rule.margin is not None:
        raise StudyError("the margin is given twice", "keep one of the two", place_of(root, "seeds", "margin"))


def check_distinct(kind: str, values: Sequence[Value], path: NodePath, root: YamlNode) -> None:
    """Raise StudyError for the second of two equal values of a list."""
    seen = set()
    for index, value in enumerate(values):
        if comparable(value) in seen:
            where = place_of(root, *path, index)
            raise StudyError(f"{kind} {format_value(value)} is written twice", "remove one", where)
        seen.add(comparable(value))


def check_paper_reference(study: Study, root: YamlNode) -> None:
    """Raise StudyError where a figure and a table are both given."""
    if study.paper is not None and study.paper.figure is not None and study.paper.table is not None:
        where = place_of(root, "paper", "table")
        raise StudyError("a figure and a table are both given", "keep the one that the study reproduces", where)


def check_case_rules(case: Case, path: NodePath, root: YamlNode) -> None:
    """Raise StudyError where the axes, fixed settings and baseline of a case contradict each other."""
    for axis, levels in case.axes.items():
        check_distinct("level", levels, (*path, "axes", axis), root)
        check_not_fixed(axis, find_node(root, path))
    for name in ("method", "dataset"):
        if name in case.fixed:
            remedy = f"write '{name}: {case.fixed[name]}' beside 'fixed'"
            raise StudyError(f"'{name}' is no setting", remedy, key_place_of(root, *path, "fixed", name))
    for axis, level in case.baseline.items():
        check_baseline(case, axis, level, (*path, "baseline", axis), root)


def check_not_fixed(axis: str, block: YamlNode) -> None:
    """Raise StudyError where an axis is also fixed, by the file or by an override."""
    names = {key: block.entries[key] for key in ("method", "dataset") if key in block.entries}
    fixed = names | dict(block.entries["fixed"].entries if "fixed" in block.entries else {})
    if axis not in fixed:
        return
    node = fixed[axis]
    remedy = "remove it here, or from the axes"
    if node.place.startswith("--set"):
        remedy = f"choose its levels with --set 'axes.{axis}=[{as_written(node)}]'"
    raise StudyError(f"'{axis}' is an axis, so it cannot be fixed", remedy, node.key_place)


def as_written(node: YamlNode) -> str:
    """The node's value as in the file, text without quotes."""
    return node.content if isinstance(node.content, str) else format_value(node.content)


def check_baseline(case: Case, axis: str, level: Value, path: NodePath, root: YamlNode) -> None:
    """Raise StudyError where the baseline has a value that is no level of its axis.

    A path that is no axis is refused by `ablate.planning.check_study`, after the names of the axes: it may be right,
    and the axis misspelt.
    """
    if axis not in case.axes:
        return
    if comparable(level) not in map(comparable, case.axes[axis]):
        levels = ", ".join(format_value(known) for known in case.axes[axis])
        problem = f"{format_value(level)} is no level of '{axis}'"
        raise StudyError(problem, f"choose from {levels}", place_of(root, *path))


def check_case_names(study: Study, root: YamlNode) -> None:
    """Raise StudyError where two cases have the same name."""
    names = [case.name for case in study.cases if case.name is not None]
    for index, case in enumerate(study.cases):
        if case.name is not None and names.count(case.name) > 1:
            where = place_of(root, "cases", index, "name")
            raise StudyError(f"two cases are called '{case.name}'", "rename one", where)


def check_search_design(study: Study, root: YamlNode) -> None:
    """Raise StudyError unless `design: search` and `search:` are given together, with one case and without axes."""
    designs = [case.design == "search" for case in study.cases]
    if study.search is None and any(designs):
        where = place_of(root, "cases", designs.index(True), "design")
        raise StudyError("design 'search' has no ranges", "add 'search:' with trials, objectives and space", where)
    if study.search is None:
        return
    if not all(designs):
        where = key_place_of(root, "search")
        raise StudyError("'search' is given with another design", "write 'design: search'", where)
    if len(study.cases) > 1:
        where = place_of(root, "cases", 1)
        raise StudyError("a search has one case, and this is another", "write one study for each case", where)
    if study.cases[0].axes:
        remedy = "move them to 'search.space', as {choices: [...]}"
        raise StudyError("a search has ranges and no axes", remedy, key_place_of(root, "cases", 0, "axes"))


def check_pruner_place(study: Study, root: YamlNode) -> None:
    """Raise StudyError for a search's pruner outside of it, or a pruner of several objectives, which have no order."""
    if study.pruner is not None and study.seed_rule is not None:
        problem = "seeds are added by differences from the baseline, and a pruner stops variants before these are known"
        raise StudyError(problem, "write how many seeds there are, as in 'seeds: 3'", place_of(root, "seeds"))
    if study.search is None:
        return
    if study.pruner is not None:
        remedy = "move it below 'search'"
        raise StudyError("the pruner of a search is written beside the search", remedy, key_place_of(root, "pruner"))
    if study.early_stopping is not None and len(study.search.objectives) > 1:
        problem = f"a search of {len(study.search.objectives)} objectives has no order to stop settings by"
        raise StudyError(problem, "leave 'pruner' out, or name one objective", place_of(root, "search", "pruner"))


def check_search_space(search: Search, case: Case, root: YamlNode) -> None:
    """Raise StudyError for a path that is also fixed, a repeated choice, or a range that cannot be sampled."""
    for path, space in search.space.items():
        steps = ("search", "space", path)
        if path in case.fixed:
            where = key_place_of(root, "cases", 0, "fixed", path)
            raise StudyError(f"'{path}' is both searched and fixed", "remove one of the two", where)
        if isinstance(space, Choices):
            check_distinct("choice", space.choices, (*steps, "choices"), root)
        else:
            for problem, remedy, key in range_problems(space):
                raise StudyError(problem, remedy, place_of(root, *steps, key))
        for other, value in space.when.items():
            check_condition(search, case, path, other, value, root)
    if search.sampler == "grid":
        check_countable(search, root)
    for index, settings in enumerate(search.enqueue):
        for path, value in settings.items():
            check_enqueued(search, path, value, (index, path), root)


def check_condition(search: Search, case: Case, path: str, other: str, value: Value, root: YamlNode) -> None:
    """Raise StudyError unless a condition names a value of choices above the entry, or of a fixed setting."""
    where = ("search", "space", path, "when", other)
    above = list(search.space)[: list(search.space).index(path)]
    if other in above:
        part = search.space[other]
        if not isinstance(part, Choices):
            remedy = f"write '{other}' as {{choices: [...]}}"
            problem = f"'{other}' has a range, and a condition names one of some choices"
            raise StudyError(problem, remedy, key_place_of(root, *where))
        if not contains(part, value):
            problem = f"{format_value(value)} is no choice of '{other}'"
            remedy = f"choose from {', '.join(map(format_value, part.choices))}"
            raise StudyError(problem, remedy, place_of(root, *where))
    elif other not in {"method", "dataset", *case.fixed}:
        problem = f"'{other}' is neither searched above nor fixed"
        raise StudyError(problem, "name a path with choices that is written above this one", key_place_of(root, *where))


def check_countable(search: Search, root: YamlNode) -> None:
    """Raise StudyError for a range of which a grid cannot try every value."""
    for path, part in search.space.items():
        whole = isinstance(part, Range) and isinstance(part.low, int) and isinstance(part.high, int)
        if isinstance(part, Range) and part.step is None and not whole:
            problem = f"a grid cannot try every value of '{path}'"
            remedy = "add a 'step', or write {choices: [...]}"
            raise StudyError(problem, remedy, place_of(root, "search", "space", path))


def check_enqueued(search: Search, path: str, value: Value, steps: NodePath, root: YamlNode) -> None:
    """Raise StudyError for a setting to propose first that the space does not hold."""
    where = ("search", "enqueue", *steps)
    if path not in search.space:
        raise StudyError(f"'{path}' is not searched", suggest(path, list(search.space)), key_place_of(root, *where))
    if not contains(search.space[path], value):
        problem = f"{format_value(value)} is not in the space of '{path}'"
        raise StudyError(problem, "write a value that is", place_of(root, *where))


def range_problems(space: Range) -> Iterator[tuple[str, str, str]]:
    """Problem, remedy and key of everything that prevents sampling from a range."""
    if not space.low < space.high:
        low, high = format_value(space.low), format_value(space.high)
        yield f"low {low} is not below high {high}", "swap or widen them", "high"
    if space.log and not space.low > 0:
        yield f"a logarithmic range cannot begin at {format_value(space.low)}", "write a 'low' above 0", "low"
    if space.log and space.step is not None:
        yield "a logarithmic range has no steps", "leave out 'step' or 'log'", "step"
    if space.step is not None and not 0 < space.step <= space.high - space.low:
        yield f"step {format_value(space.step)} does not fit the range", "write one above 0 and within it", "step"
    elif space.step is not None and not on_step(space, space.high):
        last = space.low + math.floor((space.high - space.low) / space.step) * space.step
        ends = f"{format_value(last)} or {format_value(last + space.step)}"
        problem = f"steps of {format_value(space.step)} from {format_value(space.low)} do not end at"
        yield f"{problem} {format_value(space.high)}", f"write a 'high' of {ends}", "high"


def place_of(root: YamlNode, *path: str | int) -> str:
    return find_node(root, path).place


def key_place_of(root: YamlNode, *path: str | int) -> str:
    return find_node(root, path).key_place
