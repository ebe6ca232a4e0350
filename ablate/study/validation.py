"""What pydantic finds wrong, said in our words and at its place."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ablate.errors import StudyError
from ablate.registry import suggest
from ablate.study.document import Node, find
from ablate.study.model import Case, Choices, PaperReference, Range, Resources, Search, Study
from ablate.study.scalars import shown

BLOCK = tuple(field for field in Case.model_fields if field != "name")  # keys that a case may take from the top level
TOP = (*Study.model_fields, *BLOCK, "profiles")
SECTIONS: Mapping[str, type[BaseModel]] = {"paper": PaperReference, "resources": Resources, "search": Search}

KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "mapping_type": "a mapping",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "literal_error": "{expected}",
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "string_pattern_mismatch": "a name of letters, digits, '-', '_' and single dots",
    "string_too_long": "of at most {max_length} characters",
}
REMEDIES = {  # where the key is a path of the user's own
    "tuple_type": "write [ ] around the levels",
    "model_type": "as in '{low: 1, high: 5}' or '{choices: [1, 5]}'",
    "literal_error": "write one of these",
}
EXAMPLES = {
    "name": "name: epsilon",
    "question": "question: Does the radius matter?",
    "paper": "paper: {id: invariant-features, figure: 6}",
    "id": "id: invariant-features",
    "figure": "figure: 6",
    "table": "table: V",
    "cases": "cases: [{dataset: digits}, {dataset: fsdd}]",
    "method": "method: invariant",
    "dataset": "dataset: digits",
    "design": "design: grid",
    "fixed": "fixed: {training.epochs: 100}",
    "axes": "axes: {method.epsilon: [1, 2]}",
    "baseline": "baseline: {method.epsilon: 1}",
    "seeds": "seeds: 5",
    "probes": "probes: [linear]",
    "metric": "metric: linear/accuracy",
    "resources": "resources: {gpu: 1, cpu: 2, pack: auto}",
    "gpu": "gpu: 1",
    "cpu": "cpu: 2",
    "profile": "profile: quick",
    "profiles": "profiles: {quick: {seeds: 2}}",
    "search": "search: {trials: 64, objectives: {linear/accuracy: maximize}, space: {method.k: {low: 10, high: 100}}}",
    "sampler": "sampler: tpe",
    "pruner": "pruner: none",
    "trials": "trials: 64",
    "objectives": "objectives: {linear/accuracy: maximize}",
    "space": "space: {method.epsilon: {low: 1, high: 5}}",
    "low": "low: 1",
    "high": "high: 5",
    "log": "log: true",
    "step": "step: 1",
    "choices": "choices: [vat, rp]",
}


def example(key: str) -> str:
    return f"as in '{EXAMPLES[key]}'" if key in EXAMPLES else ""


def complain(error: ValidationError, root: Node) -> StudyError:
    """The first thing that is wrong; a mistyped key before the missing one that it was to be."""
    ranks = {"extra_forbidden": 0, "missing": 2, "too_short": 3}  # a list is short of its invalid entries
    found = sorted(error.errors(include_url=False), key=lambda one: ranks.get(one["type"], 1))
    return sentence(found[0], root)


def sentence(error: ErrorDetails, root: Node) -> StudyError:
    path, key, node = error["loc"], subject(error["loc"]), find(root, error["loc"])
    if error["type"] == "extra_forbidden":
        return unknown_key(path, node)
    if error["type"] == "missing":
        return StudyError(f"'{path[-1]}' is missing", f"add it, {example(str(path[-1]))}", node.place)
    if error["type"] == "study":
        return StudyError(error["ctx"]["problem"], error["ctx"]["remedy"], node.place)
    problem, remedy = wrong_value(error, key)
    return StudyError(problem, remedy, node.place)


def subject(path: Sequence[str | int]) -> str:
    """The key that a message names: the last word of the path that is no tag of a union."""
    words = [step for step in path if isinstance(step, str) and step not in KIND_TAGS]
    return words[-1] if words else "a study"


KIND_TAGS = {"range", "bool", "int", "float", "str"}  # pydantic names the member of a union in the path


def wrong_value(error: ErrorDetails, key: str) -> tuple[str, str]:
    context = {name: whole(value) for name, value in error.get("ctx", {}).items()}
    if error["type"] in ("too_short", "too_long") and key == "objectives":
        return f"{len(error['input'])} objectives", f"name one for now, {example(key)}"
    if error["type"] == "too_short":
        return f"'{key}' is empty", example(key) or "name one value or more"
    if error["type"] == "too_long":
        return f"'{key}' has {len(error['input']):,} entries", f"write at most {context['max_length']:,}"
    entry = "an entry of " if isinstance(error["loc"][-1], int) else ""
    kind = KINDS[error["type"]].format(**context)
    return f"{entry}'{key}' must be {kind}, not {shown(error['input'])}", example(key) or REMEDIES[error["type"]]


def whole(value: object) -> object:
    """0.0 as people write it: 0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def unknown_key(path: Sequence[str | int], node: Node) -> StudyError:
    key = str(path[-1])
    if key == "when" and "space" in path:
        return StudyError("conditional spaces are not there yet", "leave 'when' out", node.named)
    return StudyError(f"unknown key '{key}'", suggest(key, known_keys(path)), node.named)


def known_keys(path: Sequence[str | int]) -> tuple[str, ...]:
    """The keys that may stand beside the last one of the path."""
    if len(path) == 1:
        return TOP
    if path[0] == "cases":
        return ("name", *BLOCK)
    if "space" in path:
        return tuple(Choices.model_fields if "choices" in path else Range.model_fields)
    return tuple(SECTIONS[str(path[0])].model_fields)
