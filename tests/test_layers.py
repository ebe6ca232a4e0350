"""Who may import whom: imports point down, and what is heavy is loaded by whom it serves."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ablate"

ANYONE = {
    "data_info",
    "errors",
    "events",
    "lock",
    "options",
    "paths",
    "process",
    "registry",
}  # any layer may import these
SCIENCE = {"torch", "torchvision", "numpy", "scipy", "sklearn"}

MAY_IMPORT: dict[str, set[str]] = {  # layer → the layers below it, and the installed packages it may use
    "codec": set(),
    "data_info": set(),
    "errors": set(),
    "events": {"trial"},
    "lock": set(),
    "options": set(),
    "paths": set(),
    "process": {"psutil"},
    "registry": set(),
    "trial": set(),
    "study": {"trial", "yaml", "pydantic", "pydantic_core"},
    "nets": {"torch"},
    "augment": {"torch"},
    "methods": {"augment", "nets", *SCIENCE},
    "data": {*SCIENCE, "PIL", "pyimzml", "rich"},
    "probes": {"augment", "nets", "subset", "openTSNE", *SCIENCE},
    "papers": {"study", "yaml"},
    "train": {"methods", "nets", "torch"},
    "planning": {"study", "trial", "train", "methods", "data", "probes", "papers"},
    "stats": {"study", "trial", "pandas", *SCIENCE},
    "draw": {"study", "trial", "augment", "data", "papers", "probes", "stats", "track", *SCIENCE, "PIL", "matplotlib"},
    "track": {"study", "trial", "mlflow", "requests", "psutil", "scipy"},
    "encoder": {"methods", "nets", "trial", "torch", "mlflow"},
    "subset": {"torch"},
    "embedding": {"data", "encoder", "probes", "torch"},
    "run": {
        "trial",
        "planning",
        "train",
        "methods",
        "data",
        "probes",
        "track",
        "encoder",
        "embedding",
        "draw",
        "subset",
        "torch",
    },
    "search": {"study", "trial", "planning", "optuna"},
    "cluster": {"study", "trial", "planning", "search", "run", "track", "ray", "torch", "psutil"},
    "reporting": {
        "study",
        "trial",
        "papers",
        "stats",
        "draw",
        "track",
        "pandas",
        "numpy",
        "scipy",
        "matplotlib",
        "jinja2",
    },
    "catalog": {"study", "planning", "methods", "data", "probes", "papers"},
    "doctor": {"packaging", "data", "track", "ray", "mlflow", "torch", "psutil"},
    "driver": {"study", "trial", "planning", "search", "run", "cluster", "track", "reporting", "stats"},
    "view": {"study", "cluster", "driver", "catalog", "doctor", "rich"},
    "cli": {"study", "track", "driver", "catalog", "doctor", "reporting", "draw", "view", "typer"},
    "testing": {"methods", "data", "probes", "track", "train", "nets", "torch", "pytest"},
    "__init__": {"encoder"},
    "__main__": {"cli"},
}

SCIENCE_MODULES = ("methods", "nets.encoders", "data", "probes", "train.fit", "run")


def modules() -> list[Path]:
    return sorted(file.relative_to(PACKAGE) for file in PACKAGE.rglob("*.py"))


def layer_of(module: Path) -> str:
    return module.parts[0].removesuffix(".py")


def imported(file: Path) -> Iterator[str]:
    """The layers and installed packages that a file imports, at its top or in a function; types alone do not count."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for_types = {id(inner) for node in ast.walk(tree) if is_for_types(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) not in for_types:
            yield from (word(name) for name in names(node))


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.module is not None, "imports are absolute"
        whole = (f"ablate.{alias.name}" for alias in node.names)
        yield from whole if node.module == "ablate" else (node.module,)


def word(name: str) -> str:
    """`ablate.study.model` is the layer spec, `torch.nn` the package torch."""
    first, *rest = name.split(".")
    return rest[0] if first == "ablate" and rest else first


@pytest.mark.parametrize("module", modules(), ids=str)
def test_imports_point_down(module: Path) -> None:
    layer = layer_of(module)
    assert layer in MAY_IMPORT, f"decide here first what '{layer}' may import"
    allowed = {layer, *ANYONE, *MAY_IMPORT[layer], *sys.stdlib_module_names}
    assert set(imported(PACKAGE / module)) - allowed == set()


def test_no_layer_imports_one_that_imports_it() -> None:
    below = {layer: {other for other in others if other in MAY_IMPORT} for layer, others in MAY_IMPORT.items()}
    while below:
        lowest = [layer for layer, others in below.items() if not others & below.keys()]
        assert lowest, f"these import each other: {sorted(below)}"
        below = {layer: others for layer, others in below.items() if layer not in lowest}


def loaded_by(module: str) -> set[str]:
    """The packages that a fresh Python has after importing the module."""
    program = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


@pytest.mark.slow
def test_the_command_line_starts_without_what_is_heavy() -> None:
    heavy = {"torch", "ray", "mlflow", "optuna", "sklearn", "pandas", "scipy", "matplotlib"}
    assert loaded_by("ablate.cli") & heavy == set()


@pytest.mark.slow
@pytest.mark.parametrize("module", SCIENCE_MODULES)
def test_science_runs_where_only_torch_numpy_and_sklearn_are(module: str) -> None:
    services = {"ray", "mlflow", "optuna", "pydantic", "yaml", "pandas", "typer", "rich", "matplotlib"}
    assert loaded_by(f"ablate.{module}") & services == set()


@pytest.mark.slow
def test_a_launch_is_watched_without_torch_and_stopped_without_mlflow() -> None:
    heavy = {"torch", "ray", "optuna", "sklearn", "pandas", "matplotlib"}
    assert loaded_by("ablate.driver.status") & heavy == set()
    assert loaded_by("ablate.driver.stop") & {*heavy, "mlflow"} == set()


@pytest.mark.slow
def test_ray_is_spoken_to_without_the_science() -> None:
    assert loaded_by("ablate.cluster.conductor") & {"torch", "sklearn", "optuna", "mlflow", "matplotlib"} == set()


@pytest.mark.slow
def test_a_study_is_read_without_torch() -> None:
    assert loaded_by("ablate.study.read") & {"torch", "numpy", "ray", "mlflow"} == set()
