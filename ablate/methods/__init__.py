"""The registry of methods: the package's own, and those that installed packages add."""

import warnings
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ablate.methods.method import Method
from ablate.registry import Registry

METHODS: Registry[type[Method]]  # made when first asked for: a plugin may import its own method first


def __getattr__(name: str) -> Any:
    if name != "METHODS":
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    globals()["METHODS"] = registry()
    return globals()["METHODS"]


def registry() -> Registry[type[Method]]:
    """Every method by its name; a plugin (entry point group `ablate.methods`) adds names and replaces none."""
    from ablate.methods.builtin import BUILTIN

    return Registry("method", {**plugins(), **BUILTIN})


def plugins() -> dict[str, type[Method]]:
    """The methods of installed packages; one that cannot be imported is left out with a warning."""
    loaded = {entry.name: load(entry) for entry in entry_points(group="ablate.methods")}
    return {name: kind for name, kind in loaded.items() if kind is not None}


def load(entry: EntryPoint) -> type[Method] | None:
    try:
        kind = entry.load()
    except Exception as problem:  # whatever a foreign module raises must not take the other methods along
        warnings.warn(f"method '{entry.name}' ({entry.value}) cannot be imported: {problem}", stacklevel=2)
        return None
    if isinstance(kind, type) and issubclass(kind, Method):
        return kind
    warnings.warn(f"method '{entry.name}' ({entry.value}) is no subclass of Method", stacklevel=2)
    return None
