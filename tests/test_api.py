"""The public API: its names, what importing it loads, and what its functions return without Ray and MLflow."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import ablate

from .conftest import SMALL

NAMES = [
    "AblateError",
    "DataError",
    "Interrupted",
    "Plan",
    "Report",
    "ServiceError",
    "State",
    "Status",
    "Study",
    "StudyError",
    "Summary",
    "TrialError",
    "check",
    "epochs",
    "launch",
    "load_encoder",
    "logs",
    "plan",
    "read_study",
    "report",
    "status",
    "stop",
    "sync",
    "trials",
]


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def test_the_public_names_are_these() -> None:
    assert ablate.__all__ == NAMES
    assert dir(ablate) == NAMES
    assert list(ablate.MODULES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_that_of_its_module(name: str) -> None:
    assert getattr(ablate, name) is getattr(importlib.import_module(ablate.MODULES[name]), name)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'ablate' has no attribute 'lunch'"):
        ablate.lunch  # noqa: B018


def test_importing_ablate_loads_nothing_heavy() -> None:
    program = "import sys, ablate; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & {"torch", "ray", "mlflow", "optuna", "pandas", "sklearn", "pydantic"} == set()


def test_check_returns_the_study_of_a_file(file: Path) -> None:
    study = ablate.check(file)
    assert isinstance(study, ablate.Study)
    assert (study.name, study.seeds, study.metric) == ("small", (0, 1), "linear/accuracy")
    assert ablate.check(str(file)) == ablate.check(study) == study


def test_check_refuses_an_unknown_setting_at_its_place(file: Path) -> None:
    file.write_text(SMALL.replace("method.epsilon", "method.epsilom"))
    with pytest.raises(ablate.StudyError, match=r"small\.yaml:4.*epsilom.*did you mean 'method\.epsilon'\?"):
        ablate.check(file)


def test_check_refuses_more_than_10_000_trials_unless_confirmed(file: Path) -> None:
    file.write_text(SMALL.replace("seeds: 2", "seeds: 5001"))
    with pytest.raises(ablate.StudyError, match=r"10,?002"):
        ablate.check(file)
    assert len(ablate.check(file, yes=True).seeds) == 5001


def test_the_plan_of_a_study_that_was_never_launched_trains_all_trials(file: Path, tmp_path: Path) -> None:
    plan = ablate.plan(file, store=tmp_path / "store")
    assert isinstance(plan, ablate.Plan)
    assert [planned.trial.name for planned in plan.left] == [
        f"epsilon={level} · seed {seed}" for seed in (0, 1) for level in (0.4, 0.8)
    ]
    assert plan.count(ablate.State.WAITING) == 4
    assert plan.estimate is None
    assert not (tmp_path / "store").exists()


def test_trials_of_a_study_that_was_never_launched_wait(file: Path, tmp_path: Path) -> None:
    frame = ablate.trials(file, store=tmp_path / "store")
    assert list(frame["state"]) == ["waiting"] * 4
    assert list(frame["method.epsilon"]) == [0.4, 0.8, 0.4, 0.8]
    assert list(frame["seed"]) == [0, 0, 1, 1]
    assert ablate.epochs(file, store=tmp_path / "store").empty


def test_report_and_status_of_a_study_that_was_never_launched_are_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ablate.StudyError, match="nothing is recorded of 'small'; launch it first"):
        ablate.report(file, store=tmp_path / "store")
    with pytest.raises(ablate.StudyError, match="no study 'small' was ever launched here"):
        ablate.status("small", store=tmp_path / "store")
    with pytest.raises(ablate.StudyError, match="no study 'small' was ever launched here"):
        ablate.status(ablate.read_study(file), store=tmp_path / "store")
    with pytest.raises(ablate.StudyError, match="'small' is not being launched"):
        ablate.stop(file, store=tmp_path / "store")
    with pytest.raises(ablate.StudyError, match="no trial is called 'x'"):
        ablate.logs("x", store=tmp_path / "store")
    assert ablate.status(store=tmp_path / "store") == ()


def test_the_store_is_the_one_that_the_environment_names(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other" / "studies" / "small").mkdir(parents=True)
    monkeypatch.setenv("ABLATE_STORE", str(tmp_path / "other"))
    (status,) = ablate.status()
    assert (status.study, dict(status.counts)) == ("small", {})


def test_the_encoder_of_an_unknown_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ablate.DataError, match="this run has no encoder; name a finished trial's run, and its store"):
        ablate.load_encoder("runs:/0123", store=tmp_path / "store")
    assert list(tmp_path.glob("*.db")) == []
