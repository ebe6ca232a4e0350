"""A stand-in for `kubectl`, run as a script: it keeps objects as JSON files in the folder that is its first argument.

A test cannot have a Kubernetes cluster.  This knows what `ablate.submit.kubernetes` asks of one: apply, delete, get,
patch and logs; it has no controllers, so a test writes the status of an object itself.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml


def file_of(arguments: argparse.Namespace, kind: str, name: str) -> Path:
    return arguments.objects / arguments.namespace / kind.partition(".")[0].lower().rstrip("s") / f"{name}.json"


def merged(into: Any, change: Any) -> Any:
    """A value changed by a JSON merge patch (RFC 7396), which here removes nothing."""
    if not isinstance(into, dict) or not isinstance(change, dict):
        return change
    return {**into, **{key: merged(into.get(key), value) for key, value in change.items()}}


def save(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def read(file: Path) -> Any:
    if not file.exists():
        sys.exit(f'Error from server (NotFound): "{file.stem}" not found')
    return json.loads(file.read_text())


def apply(arguments: argparse.Namespace) -> None:
    for one in yaml.safe_load_all(sys.stdin):
        file = file_of(arguments, one["kind"], one["metadata"]["name"])
        before = read(file) if file.exists() else {"metadata": {"uid": f"uid-of-{one['metadata']['name']}"}}
        save(file, merged(before, one))


def delete(arguments: argparse.Namespace) -> None:
    file_of(arguments, arguments.kind, arguments.name).unlink(missing_ok=arguments.ignore_not_found)


def get(arguments: argparse.Namespace) -> None:
    if arguments.selector:
        print_selected(arguments)
        return
    file = file_of(arguments, arguments.kind, arguments.name)
    if arguments.ignore_not_found and not file.exists():
        return
    found = read(file)
    path = arguments.output.removeprefix("jsonpath=")
    print(re.sub(r"\{\.([^}]+)\}", lambda match: field_of(found, match[1]), path), end="")


def print_selected(arguments: argparse.Namespace) -> None:
    label, _, wanted = arguments.selector.partition("=")
    for file in sorted(file_of(arguments, arguments.kind, "any").parent.glob("*.json")):
        if read(file)["metadata"].get("labels", {}).get(label) == wanted:
            print(f"{arguments.kind}/{file.stem}")


def field_of(found: Any, path: str) -> str:
    for key in path.split("."):
        found = found.get(key, {})
    return "" if found == {} else str(found)


def patch(arguments: argparse.Namespace) -> None:
    kind, _, name = arguments.thing.partition("/")
    file = file_of(arguments, kind, name)
    save(file, merged(read(file), json.loads(arguments.change)))


def logs(arguments: argparse.Namespace) -> None:
    kind, _, name = arguments.thing.partition("/")
    print(read(file_of(arguments, kind, name))["log"], end="")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    made.add_argument("objects", type=Path)
    made.add_argument("--namespace", required=True)
    commands = made.add_subparsers(required=True)
    for action in (apply, delete, get, patch, logs):
        commands.add_parser(action.__name__).set_defaults(action=action)
    commands.choices["apply"].add_argument("-f", choices=["-"], required=True)
    for name in ("delete", "get"):
        commands.choices[name].add_argument("kind")
        commands.choices[name].add_argument("name", nargs="?")
        commands.choices[name].add_argument("--ignore-not-found", action="store_true")
    commands.choices["get"].add_argument("-o", dest="output", required=True)
    commands.choices["get"].add_argument("--selector")
    for name in ("patch", "logs"):
        commands.choices[name].add_argument("thing")
    commands.choices["patch"].add_argument("--type", choices=["merge"], required=True)
    commands.choices["patch"].add_argument("-p", dest="change", required=True)
    commands.choices["logs"].add_argument("--follow", action="store_true")
    return made


if __name__ == "__main__":
    given = parser().parse_args()
    given.action(given)
