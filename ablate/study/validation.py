"""Pydantic's validation errors as StudyErrors: a problem, a remedy and the place in the file."""

import re
from collections.abc import Mapping, Sequence
from typing import NoReturn

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ablate.errors import StudyError, raise_first
from ablate.registry import suggest
from ablate.study.document import YamlNode, find_node
from ablate.study.labels import Label
from ablate.study.model import Budget, Case, PaperReference, Resources, Study
from ablate.study.pruner import Pruner
from ablate.study.scalars import format_value
from ablate.study.search import Choices, Range, Search
from ablate.study.seeds import SeedRule

# The keys that a case has, or takes from the top level where it leaves them out.
CASE_KEYS = tuple(field for field in Case.model_fields if field != "name")
TOP_LEVEL_KEYS = (*Study.model_fields, *CASE_KEYS, "profiles")
SECTIONS: Mapping[str, type[BaseModel]] = {
    "paper": PaperReference,
    "resources": Resources,
    "budget": Budget,
    "search": Search,
    "seeds": SeedRule,
    "pruner": Pruner,
    "labels": Label,
}
UNION_TAGS = {  # which pydantic adds to the path of an error
    *("range", "rule", "list", "pruner", "off", "bool", "int", "float", "str"),
}

EXPECTED = {  # pydantic's type of an error → what the value must be
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
    "string_too_short": "text that is not empty",
    "string_too_long": "of at most {max_length} characters",
}
REMEDIES = {  # by type of error, for keys that have no example since they are paths or metrics
    "tuple_type": "write [ ] around the levels",
    "model_type": "as in '{low: 1, high: 5}' or '{choices: [1, 5]}'",
    "literal_error": "write one of these",
}
EXAMPLES = {  # key → how it is written
    "name": "name: epsilon",
    "question": "question: Does the radius matter?",
    "paper": "paper: {id: invariant-features, figure: 6}",
    "id": "id: invariant-features",
    "ablation": "ablation: epsilon",
    "figure": "figure: 6",
    "table": "table: V",
    "note": "note: The paper trains 100 times as long.",
    "cases": "cases: [{dataset: digits}, {dataset: fsdd}]",
    "method": "method: invariant",
    "dataset": "dataset: digits",
    "defaults": "defaults: simvae",
    "design": "design: grid",
    "fixed": "fixed: {training.epochs: 100}",
    "axes": "axes: {method.epsilon: [1, 2]}",
    "baseline": "baseline: {method.epsilon: 1}",
    "seeds": "seeds: 5",
    "at_least": "seeds: {at_least: 3, at_most: 20, until: decided}",
    "at_most": "seeds: {at_least: 3, at_most: 20, until: decided}",
    "until": "until: decided",
    "probes": "probes: [linear]",
    "metric": "metric: linear/accuracy",
    "margin": "margin: 0.01",
    "labels": "labels: {method.epsilon: ε, linear/accuracy: {label: accuracy, unit: '%'}}",
    "label": "label: accuracy",
    "unit": "unit: '%'",
    "levels": "levels: {vat: virtual adversarial}",
    "resources": "resources: {gpu: 1, cpu: 2, pack: auto}",
    "budget": "budget: {device_hours: 4}",
    "gpu": "gpu: auto",
    "cpu": "cpu: 2",
    "pack": "pack: auto",
    "device_hours": "device_hours: 4",
    "profile": "profile: quick",
    "profiles": "profiles: {quick: {seeds: 2}}",
    "search": "search: {trials: 64, objectives: {linear/accuracy: maximize}, space: {method.k: {low: 10, high: 100}}}",
    "sampler": "sampler: tpe",
    "sampler_options": "sampler_options: {n_startup_trials: 20}",
    "parallel": "parallel: 4",
    "enqueue": "enqueue: [{method.epsilon: 1}]",
    "pruner": "pruner: asha",
    "confirm": "confirm: 5",
    "kind": "kind: asha",
    "direction": "direction: maximize",
    "probe_every": "probe_every: 10",
    "probe_options": "probe_options: {epochs: 5}",
    "min_epochs": "min_epochs: 3",
    "reduction_factor": "reduction_factor: 3",
    "min_variants": "min_variants: 5",
    "promote": "promote: true",
    "constraints": "constraints: ['size/million_parameters <= 2']",
    "trials": "trials: 64",
    "objectives": "objectives: {linear/accuracy: maximize}",
    "space": "space: {method.epsilon: {low: 1, high: 5}}",
    "low": "low: 1",
    "high": "high: 5",
    "log": "log: true",
    "step": "step: 1",
    "choices": "choices: [vat, rp]",
    "when": "when: {method.transformation: vat}",
}


def example_of(key: str) -> str:
    """A remedy that shows how the key is written; empty where there is no example."""
    return f"as in '{EXAMPLES[key]}'" if key in EXAMPLES else ""


def override_example(path: str) -> str:
    """How a value is given to a path on the command line: `seeds=5`, or `'question=Does the radius matter?'`."""
    value = EXAMPLES[path].removeprefix(f"{path}: ") if path in EXAMPLES else "5"
    return f"{path}={value}" if re.fullmatch(r"[\w./-]+", value) else f"'{path}={value}'"


def raise_errors(error: ValidationError, root: YamlNode) -> NoReturn:
    """Raise the StudyError of an unknown key or of another mistake, with those of the others.

    One is raised of each place, since a value that may be of several types has an error for each type.  What follows
    from another mistake is left out: a key that is missing since it is misspelt, a list without its invalid entries.
    """
    ranks = {"extra_forbidden": 0, "missing": 2, "too_short": 3}
    found: dict[tuple[str, str], StudyError] = {}
    for one in sorted(error.errors(include_url=False), key=lambda one: ranks.get(one["type"], 1)):
        key = str(one["loc"][-1]) if one["type"] == "missing" else ""
        misspelt = any(f"did you mean '{key}'?" == known.remedy for known in found.values())
        if not (key and misspelt) and not (one["type"] == "too_short" and found):
            converted = convert_error(one, root)
            found.setdefault((converted.place, key), converted)
    raise_first(found.values())
    raise AssertionError("pydantic has found a mistake")


def convert_error(error: ErrorDetails, root: YamlNode) -> StudyError:
    """One error of pydantic as a StudyError."""
    path, key, node = error["loc"], key_in_message(error["loc"]), find_node(root, error["loc"])
    if error["type"] == "extra_forbidden":
        return unknown_key_error(path, node)
    if error["type"] == "missing":
        return StudyError(f"'{path[-1]}' is missing", f"add it, {example_of(str(path[-1]))}", node.place)
    if error["type"] == "study":
        return StudyError(error["ctx"]["problem"], error["ctx"]["remedy"], node.place)
    problem, remedy = wrong_value_message(error, key)
    return StudyError(problem, remedy, node.place)


def key_in_message(path: Sequence[str | int]) -> str:
    """The key that a message names: the last key of the path, tags of unions left out."""
    keys = [step for step in path if isinstance(step, str) and step not in UNION_TAGS]
    return keys[-1] if keys else "a study"


def wrong_value_message(error: ErrorDetails, key: str) -> tuple[str, str]:
    """Problem and remedy of a value of the wrong type, range or length."""
    context = {name: without_fraction(value) for name, value in error.get("ctx", {}).items()}
    if error["type"] == "too_short":
        return f"'{key}' is empty", example_of(key) or "name one value or more"
    if error["type"] == "too_long":
        return f"'{key}' has {len(error['input']):,} entries", f"write at most {context['max_length']:,}"
    entry = "an entry of " if isinstance(error["loc"][-1], int) else ""
    kind = EXPECTED.get(error["type"], "of another type").format(**context)
    problem = f"{entry}'{key}' must be {kind}, not {format_value(error['input'])}"
    return problem, example_of(key) or REMEDIES.get(error["type"], f"write {kind}")


def without_fraction(value: object) -> object:
    """A whole float as an int: 0.0 → 0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def unknown_key_error(path: Sequence[str | int], node: YamlNode) -> StudyError:
    """The error of a key that is not in the data model, with the nearest key that is."""
    key = str(path[-1])
    return StudyError(f"unknown key {format_value(key)}", suggest(key, known_keys(path)), node.key_place)


def known_keys(path: Sequence[str | int]) -> tuple[str, ...]:
    """All keys of the mapping that the last key of the path is in."""
    if len(path) == 1:
        return TOP_LEVEL_KEYS
    if path[0] == "cases":
        return ("name", *CASE_KEYS)
    if "space" in path:
        return tuple(Choices.model_fields if "choices" in path else Range.model_fields)
    if "pruner" in path[:-1]:
        return tuple(Pruner.model_fields)
    return tuple(SECTIONS[str(path[0])].model_fields)
