"""Fixtures of all tests: the folder of real data, an MLflow server, and studies, trials and results."""

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: test processes share the cores
os.environ.setdefault("RAY_worker_niceness", "0")  # else launches wait for tests that compute beside them

from ablate.paths import Store
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.track.server import ensure_server
from ablate.trial import Config, Trial

if TYPE_CHECKING:
    from ablate.options import Value
    from ablate.stats.results import Result

pytest.register_assert_rewrite("ablate.testing")  # before its modules are imported
ROOT = Path(__file__).parent.parent
SESSION = {"ABLATE_TEST_SESSION": secrets.token_hex(8)}  # in the environment of all that these tests start
os.environ.update(SESSION)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with tests that start Ray or servers come first: a worker that got one last would end minutes later."""
    slow = {item.path for item in items if item.get_closest_marker("cluster") is not None}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def nothing_left_running() -> Iterator[None]:
    """At the end, every process that a test has started has ended: it would go on writing temporary files."""
    yield
    deadline = time.monotonic() + 180
    while (left := list(processes_of_this_session())) and time.monotonic() < deadline:
        time.sleep(0.5)
    named = [f"{' '.join(process.cmdline())[:200]} of {test}" for process, test in left]
    for process, _ in left:
        process.kill()
    assert named == []


def processes_of_this_session() -> Iterator[tuple[psutil.Process, str]]:
    """The living processes that these tests have started, each with the test that did."""
    for process in psutil.process_iter():
        try:
            found = process.environ()
            if found.items() >= SESSION.items() and "resource_tracker" not in " ".join(process.cmdline()):
                yield process, found.get("PYTEST_CURRENT_TEST", "")
        except (psutil.Error, OSError):  # it has ended, or is another user's
            continue


@pytest.fixture
def default_signals() -> Iterator[None]:
    """A signal that the tests' own process ignores, as below `nohup`, would be ignored by what it starts as well."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests that are marked `gpu` where there is none."""
    if item.get_closest_marker("gpu") is not None:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("there is no accelerator")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets: ABLATE_DATA, else ../shared/data."""
    folder = Path(os.environ.get("ABLATE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}; set ABLATE_DATA to a folder that holds some")
    return folder


@pytest.fixture(scope="session")
def mlflow_server_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The store of the MLflow server that runs for the whole session."""
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def mlflow_uri(mlflow_server_store: Store) -> Iterator[str]:
    """The address of that server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        server = ensure_server(mlflow_server_store)
    yield server.uri
    server.stop()


SMALL = """
method: invariant
dataset: digits
axes: {method.epsilon: [0.4, 0.8]}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""
SEARCH = """\
name: radius
method: invariant
dataset: digits
design: search
search:
  sampler: tpe
  trials: 12
  objectives: {linear/accuracy: maximize}
  space:
    method.epsilon: {low: 0.1, high: 4, log: true}
    training.learning_rate: {low: 1.0e-4, high: 1.0e-2, log: true}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""

MakeStudy = Callable[..., Study]
MakeTrial = Callable[..., Trial]


@pytest.fixture
def search_study(tmp_path: Path) -> MakeStudy:
    """A function that reads a small search, with overrides as `--set` takes them."""
    file = tmp_path / "search.yaml"
    file.write_text(SEARCH)

    def make(*overrides: str) -> Study:
        return read_study(file, overrides=overrides)

    return make


@pytest.fixture
def make_trial() -> MakeTrial:
    """A function that makes trials to schedule, which are never trained."""

    def make(seed: int = 0, epsilon: float = 1.0) -> Trial:
        config = Config("invariant", "1", {"epsilon": epsilon}, "digits", "1", {"epochs": 1}, seed)
        return Trial(config, {"linear": {"epochs": 5}}, "radius", {"method.epsilon": epsilon})

    return make


@pytest.fixture
def make_study() -> MakeStudy:
    """A function that makes a study of these cases, by default of the invariant method on FSDD."""

    def make(*cases: Mapping[str, Any], seeds: Sequence[int] = (0, 1, 2), **fields: Any) -> Study:
        content = {
            "name": "example",
            "question": "Does it matter?",
            "cases": tuple({"method": "invariant", "dataset": "fsdd", **case} for case in cases or [{}]),
            "seeds": tuple(seeds),
            "probes": ("linear",),
            "metric": "linear/accuracy",
            **fields,
        }
        return Study.model_validate(content)

    return make


@pytest.fixture
def make_result() -> Callable[..., "Result"]:
    """A function that makes the result of a trial; its levels are its method's settings, `score` its only metric."""
    from ablate.events import State
    from ablate.stats.results import Result
    from ablate.trial import short

    def make(
        levels: "Mapping[str, Value]",
        seed: int,
        score: float | None,
        *,
        method: str = "invariant",
        dataset: str = "fsdd",
        training: "Mapping[str, Value] | None" = None,
        state: State = State.FINISHED,
        reason: str = "",
    ) -> Result:
        settings = {short(path): level for path, level in levels.items() if path.startswith("method.")}
        config = Config(method, "1", settings, dataset, "1", training or {"epochs": 20}, seed)
        trial = Trial(config, {"linear": {}}, "example", levels)
        return Result(trial, state, {} if score is None else {"linear/accuracy": score}, reason)

    return make
