"""Layers: which modules a module may import, and which heavy packages are loaded only where they are used."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ablate"

EVERYWHERE = {  # any layer may import these
    "atomic_write",
    "codec",
    "data_info",
    "deferred",
    "errors",
    "events",
    "interrupts",
    "launch_config",
    "lock",
    "options",
    "paths",
    "patience",
    "permissions",
    "plugins",
    "plural",
    "process",
    "registry",
    "row_checks",
    "set_aside",
    "stopping",
}
DEFERRED = {"torch": "torch", "nn": "torch", "F": "torch", "np": "numpy"}  # name in `ablate.deferred` → its package
SCIENCE = {"torch", "torchvision", "numpy", "scipy", "sklearn"}

MAY_IMPORT: dict[str, set[str]] = {  # layer → the layers below it, and the installed packages it may use
    "atomic_write": set(),
    "codec": set(),
    "data_info": set(),
    "deferred": {"torch", "numpy"},
    "errors": set(),
    "events": {"trial"},
    "interrupts": set(),
    "launch_config": {"trial"},
    "lock": set(),
    "options": set(),
    "paths": set(),
    "patience": set(),
    "permissions": set(),
    "record": {"trial"},
    "stopping": set(),
    "process": {"psutil"},
    "plugins": set(),
    "plural": set(),
    "registry": set(),
    "set_aside": set(),
    "tensor_file": {"torch"},
    "row_checks": set(),
    "training_faults": {"numpy"},
    "trial": set(),
    "study": {"trial", "yaml", "pydantic", "pydantic_core"},
    "nets": {"torch"},
    "augment": {"torch"},
    "methods": {"augment", "nets", *SCIENCE},
    "data": {"trial", *SCIENCE, "PIL", "pyimzml", "rich"},
    "probes": {"augment", "methods", "nets", "subset", "openTSNE", *SCIENCE},
    "papers": {"study", "yaml"},
    "train": {"methods", "nets", "tensor_file", "torch"},
    "planning": {
        *{"record", "study", "trial", "train", "training_faults", "methods", "data", "probes", "papers"},
        *{"torch", "optuna"},
    },
    "stats": {"study", "trial", "numpy", "scipy", "pandas"},
    "draw": {
        *{"study", "trial", "augment", "data", "papers", "probes", "stats"},
        *{*SCIENCE, "PIL", "matplotlib", "optuna"},
    },
    "track": {"record", "trial", "stats", "methods", "train", "mlflow", "requests", "psutil"},
    "metering": {"record", "track", "trial"},
    "encoder": {"methods", "nets", "tensor_file", "trial", "torch"},
    "subset": {"torch"},
    "embedding": {"data", "encoder", "probes", "subset", "torch"},
    "run_context": {"track", "torch"},
    "scoring": {
        "training_faults",
        "methods",
        "numpy",
        "trial",
        "planning",
        "data",
        "probes",
        "track",
        "encoder",
        "embedding",
        "draw",
        "run_context",
    },
    "measure": {"data", "encoder", "run", "run_context", "scoring", "torch", "track", "train", "trial"},
    "run": {
        "metering",
        "record",
        "trial",
        "planning",
        "train",
        "methods",
        "data",
        "track",
        "encoder",
        "run_context",
        "scoring",
        "subset",
        "torch",
    },
    "added_seeds": {"record", "study", "trial", "planning", "stats"},
    "search": {"study", "trial", "planning", "optuna", "sqlalchemy"},
    "pruning": {"study", "trial", "planning"},
    "cluster": {
        "added_seeds",
        "catalog",
        "study",
        "data",
        "trial",
        "planning",
        "pruning",
        "search",
        "run",
        "run_context",
        "track",
        "ray",
        "torch",
        "psutil",
    },
    "reporting": {
        "training_faults",
        "methods",
        "study",
        "trial",
        "papers",
        "probes",
        "search",
        "stats",
        "draw",
        "numpy",
        "optuna",
        "plotly",
        "jinja2",
        "markupsafe",
        "markdown_it",
        "pandas",
        "pyarrow",
    },
    "submit": {"study", "trial", "planning", "yaml", "pydantic", "jinja2", "ray"},
    "coverage": {"study", "trial", "planning", "probes", "papers"},
    "catalog": {"study", "coverage", "train", "methods", "data", "probes", "augment", "papers"},
    "doctor": {
        "packaging",
        "catalog",
        "cluster",
        "data",
        "probes",
        "search",
        "submit",
        "track",
        "ray",
        "mlflow",
        "torch",
        "psutil",
    },
    "driver": {
        "added_seeds",
        "measure",
        "coverage",
        "papers",
        "training_faults",
        "record",
        "encoder",
        "study",
        "trial",
        "planning",
        "search",
        "run",
        "cluster",
        "track",
        "reporting",
        "stats",
        "pandas",
        "optuna_dashboard",
    },
    "api": {"added_seeds", "study", "encoder", "planning", "driver", "submit", "reporting", "track", "pandas"},
    "view": {"stats", "draw", "study", "planning", "driver", "catalog", "doctor", "rich"},
    "commands": {
        *{"api", "study", "submit", "planning", "track", "driver", "catalog", "doctor", "reporting", "draw", "view"},
        "typer",
    },
    "cli": {"commands", "typer"},
    "testing": {
        "cluster",
        "data",
        "driver",
        "methods",
        "planning",
        "probes",
        "record",
        "run",
        "run_context",
        "search",
        "stats",
        "study",
        "track",
        "train",
        "trial",
        "nets",
        "numpy",
        "encoder",
        "embedding",
        "torch",
        "pytest",
    },
    "__init__": {"api", "encoder", "study", "planning", "driver", "reporting"},
    "__main__": {"cli"},
}

PICKLES = {"pickle", "marshal", "shelve", "multiprocessing", "cloudpickle", "dill", "joblib"}  # they run what they read
MAY_PICKLE = {
    "data/cifar.py",  # reads published pickles of arrays, and refuses everything else in them
    "probes/image_features.py",  # names the error of a damaged file
}
SCIENCE_MODULES = ("methods", "nets.encoders", "data", "probes", "train.fit", "run")


def modules() -> list[Path]:
    return sorted(file.relative_to(PACKAGE) for file in PACKAGE.rglob("*.py"))


def layer_of(module: Path) -> str:
    return module.parts[0].removesuffix(".py")


def imported(file: Path) -> Iterator[str]:
    """The layers and packages that a file imports, at its top or in functions, except under TYPE_CHECKING."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for_types = {id(inner) for node in ast.walk(tree) if is_for_types(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) not in for_types:
            yield from (layer_or_package(name) for name in names(node))


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.module is not None, "imports are absolute"
        if node.module == "ablate.deferred":
            yield from (DEFERRED[alias.name] for alias in node.names)
            return
        whole = (f"ablate.{alias.name}" for alias in node.names)
        yield from whole if node.module == "ablate" else (node.module,)


def layer_or_package(name: str) -> str:
    """The layer or package of a module: `study` for `ablate.study.model`, `torch` for `torch.nn`."""
    first, *rest = name.split(".")
    return rest[0] if first == "ablate" and rest else first


@pytest.mark.parametrize("module", modules(), ids=str)
def test_imports_point_down(module: Path) -> None:
    layer = layer_of(module)
    assert layer in MAY_IMPORT, f"the layer '{layer}' is not listed; list here first what it may import"
    allowed = {layer, *EVERYWHERE, *MAY_IMPORT[layer], *sys.stdlib_module_names}
    assert set(imported(PACKAGE / module)) - allowed == set()


@pytest.mark.parametrize("module", modules(), ids=str)
def test_files_and_messages_are_no_pickles(module: Path) -> None:
    allowed = str(module) in MAY_PICKLE
    assert allowed or set(imported(PACKAGE / module)) & PICKLES == set()


def test_layers_have_no_cyclic_imports() -> None:
    below = {layer: {other for other in others if other in MAY_IMPORT} for layer, others in MAY_IMPORT.items()}
    while below:
        lowest = [layer for layer, others in below.items() if not others & below.keys()]
        assert lowest, f"cyclic imports among {sorted(below)}"
        below = {layer: others for layer, others in below.items() if layer not in lowest}


def loaded_by(module: str) -> set[str]:
    """The packages that a fresh Python has after importing the module."""
    program = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.slow
def test_the_command_line_starts_without_heavy_packages() -> None:
    heavy = {"torch", "ray", "mlflow", "optuna", "sklearn", "pandas", "scipy", "matplotlib"}
    assert loaded_by("ablate.cli") & heavy == set()


@pytest.mark.slow
@pytest.mark.parametrize("module", SCIENCE_MODULES)
def test_science_modules_load_no_services_and_torch_when_it_is_used(module: str) -> None:
    services = {"ray", "mlflow", "optuna", "pydantic", "yaml", "pandas", "typer", "rich", "matplotlib"}
    assert loaded_by(f"ablate.{module}") & {*services, *SCIENCE} == set()


@pytest.mark.slow
def test_status_loads_neither_torch_nor_mlflow() -> None:
    heavy = {"torch", "ray", "optuna", "sklearn", "pandas", "matplotlib", "mlflow"}
    for module in ("view", "driver.status", "driver.logs", "driver.stop"):
        assert loaded_by(f"ablate.{module}") & heavy == set()


@pytest.mark.slow
def test_reading_and_sending_records_loads_no_mlflow(tmp_path: Path) -> None:
    program = (
        "import sys; from ablate.track.mlflow_store import MlflowStore; from ablate.track.uploader import Uploader;"
        "from ablate.paths import StudyPaths; from pathlib import Path;"
        "store = MlflowStore('http://127.0.0.1:9'); store.client;"
        f"Uploader('http://127.0.0.1:9', StudyPaths(Path({str(tmp_path)!r})))._upload('key');"
        "assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.slow
def test_the_conductor_loads_no_torch() -> None:
    assert loaded_by("ablate.cluster.conductor") & {"torch", "sklearn", "optuna", "mlflow", "matplotlib"} == set()


@pytest.mark.slow
def test_reading_a_study_loads_no_torch() -> None:
    assert loaded_by("ablate.study.read") & {"torch", "numpy", "ray", "mlflow"} == set()
