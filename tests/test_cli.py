"""The command line: output, exit codes, and the packages that a command does not import."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import SEARCH, SMALL

STUDIES = Path(__file__).parents[1] / "studies"


def ablate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ablate", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def imports(folder: Path, *arguments: str) -> set[str]:
    """The packages that a command imports."""
    command = [sys.executable, "-X", "importtime", "-m", "ablate", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=True)
    names = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {name.partition(".")[0] for name in names}


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    assert not imports(tmp_path, "--help") & {"torch", "ray", "mlflow", "optuna", "sklearn", "pandas", "pydantic"}


def test_check_imports_neither_ray_nor_mlflow(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    assert not imports(tmp_path, "check", "small.yaml") & {"ray", "mlflow", "optuna"}


def test_no_study_that_is_shipped_needs_torch_to_be_checked() -> None:
    program = (
        "import sys; from pathlib import Path; from ablate.planning.resolve import resolve; "
        "from ablate.study.read import read_study; "
        "[resolve(read_study(file)) for file in sorted(Path('studies').rglob('*.yaml'))]; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=STUDIES.parent, capture_output=True, text=True, check=True
    )
    assert not {"torch", "numpy", "scipy", "sklearn"} & set(done.stdout.split())


def test_check_counts_trials_variants_and_data_sets(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    done = ablate(tmp_path, "check", "small.yaml", "--json")
    checked = json.loads(done.stdout)
    assert (done.returncode, checked["trials"], checked["variants"], checked["datasets"]) == (0, 4, 2, ["digits"])


def test_check_counts_a_variant_for_each_proposal_of_a_search(tmp_path: Path) -> None:
    (tmp_path / "search.yaml").write_text(SEARCH)
    checked = json.loads(ablate(tmp_path, "check", "search.yaml", "--json").stdout)
    assert (checked["trials"], checked["variants"]) == (24, 12)


def test_an_error_is_one_paragraph_with_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL.replace("seeds", "sedes"))
    done = ablate(tmp_path, "check", "small.yaml")
    assert done.returncode == 2
    assert done.stderr == "ablate: small.yaml:5:1: unknown key 'sedes'; did you mean 'seeds'?\n"


def test_every_wrong_key_of_a_study_and_then_every_wrong_name_and_value_is_told_at_once(tmp_path: Path) -> None:
    keys = SMALL.replace("seeds", "sedes").replace("metric: linear/accuracy", "metric: 3")
    (tmp_path / "small.yaml").write_text(keys)
    assert ablate(tmp_path, "check", "small.yaml").stderr.splitlines() == [
        "ablate: small.yaml:5:1: unknown key 'sedes'; did you mean 'seeds'?",
        "ablate: small.yaml:7:9: 'metric' must be text, not 3; as in 'metric: linear/accuracy'",
    ]
    names = SMALL.replace("linear]", "lineer]").replace("0.4, 0.8", "-1, 0.8") + "fixed: {training.epoch: 3}\n"
    (tmp_path / "small.yaml").write_text(names)
    told = [
        "small.yaml:6:10: no probe is called 'lineer'; did you mean 'linear'?",
        "small.yaml:8:9: no setting is called 'training.epoch'; did you mean 'training.epochs'?",
        "small.yaml:4:25: 'method.epsilon' must be above 0, not -1; its default is 0.8",
    ]
    assert ablate(tmp_path, "check", "small.yaml").stderr.splitlines() == [f"ablate: {line}" for line in told]
    error = json.loads(ablate(tmp_path, "check", "small.yaml", "--json").stdout)["error"]
    assert [one["problem"] for one in error["others"]] == [line.split(": ", 1)[1].split(";")[0] for line in told[1:]]


def test_debug_prints_the_traceback_of_an_error(tmp_path: Path) -> None:
    done = ablate(tmp_path, "check", "absent.yaml", "--debug")
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_missing_data_has_its_own_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path / "nothing"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # no process listens on this port: downloads fail
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    (tmp_path / "small.yaml").write_text(SMALL.replace("digits", "fsdd"))
    done = ablate(tmp_path, "launch", "small.yaml")
    assert done.returncode == 3
    assert "fsdd_recordings.zip" in done.stderr
    assert not (tmp_path / "ablate-store" / "studies").exists()


def test_resources_that_no_node_has_are_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL + "resources: {gpu: 99}\n")
    done = ablate(tmp_path, "launch", "small.yaml")
    assert done.returncode == 2
    assert "small.yaml:8:12: a pack needs 1 CPUs and 99 GPUs, and no node has as much" in done.stderr
    assert not (tmp_path / "ablate-store").exists()


@pytest.mark.parametrize("command", ["check", "plan", "launch", "retry"])
def test_more_than_10_000_trials_are_refused_unless_confirmed(tmp_path: Path, command: str) -> None:
    (tmp_path / "small.yaml").write_text(SMALL.replace("seeds: 2", "seeds: 6000"))
    done = ablate(tmp_path, command, "small.yaml")
    assert done.returncode == 2
    assert "confirm with --yes" in done.stderr
    assert "--yes" in ablate(tmp_path, command, "--help").stdout


@pytest.mark.parametrize("kind", ["methods", "datasets", "probes", "augmentations", "papers", "training", "keys"])
def test_every_listed_entry_has_a_name_and_a_description(tmp_path: Path, kind: str) -> None:
    entries = json.loads(ablate(tmp_path, "list", kind, "--json").stdout)
    assert entries
    assert all(entry["name"] and entry["description"] for entry in entries)


def test_a_method_is_listed_with_settings_defaults_and_source(tmp_path: Path) -> None:
    entry = json.loads(ablate(tmp_path, "list", "methods", "invariant", "--json").stdout)
    settings = {setting["name"]: setting for setting in entry["settings"]}
    assert (settings["k"]["default"], settings["xi"]["default"]) == (100, 10.0)
    assert "2202.06914" in entry["source"]


def test_settings_of_training_and_keys_of_a_study_are_listed(tmp_path: Path) -> None:
    training = json.loads(ablate(tmp_path, "list", "training", "--json").stdout)
    assert {"training.epochs", "training.learning_rate", "training.kept"} <= {entry["name"] for entry in training}
    keys = {
        entry["name"]: entry["description"] for entry in json.loads(ablate(tmp_path, "list", "keys", "--json").stdout)
    }
    assert (keys["seeds"], keys["budget.device_hours"]) == ("seeds: 5", "device_hours: 4")
    epochs = ablate(tmp_path, "list", "training", "epochs").stdout
    assert epochs == "training.epochs  passes over the training set (a whole number ≥ 1; default: 5000)\n"
    refused = "ablate: no row of 'training' is called 'epoch'; did you mean 'epochs'?\n"
    assert ablate(tmp_path, "list", "training", "epoch").stderr == refused
    shares = ablate(tmp_path, "list", "training", "late_from").stdout
    assert "a number ≥ 0 and ≤ 1" in shares


def test_a_misspelt_entry_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    done = ablate(tmp_path, "list", "methods", "invariante")
    assert (done.returncode, done.stderr) == (
        2,
        "ablate: no method is called 'invariante'; did you mean 'invariant'?\n",
    )


def test_status_stop_and_report_before_the_first_launch(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    assert (
        ablate(tmp_path, "status").stdout
        == "no study was launched in this store; --storage FOLDER names another store\n"
    )
    assert ablate(tmp_path, "stop", "small").returncode == 2
    report = ablate(tmp_path, "report", "small.yaml")
    assert (report.returncode, report.stderr) == (
        2,
        "ablate: nothing is recorded of 'small'; launch it first: ablate launch small\n",
    )


@pytest.mark.parametrize("command", ["status", "stop", "sync"])
def test_a_study_name_that_is_a_path_outside_the_store_is_refused(tmp_path: Path, command: str) -> None:
    done = ablate(tmp_path, command, "../elsewhere")
    assert done.returncode == 2
    assert "elsewhere" in done.stderr
    assert not (tmp_path.parent / "elsewhere").exists()


def test_doctor_lists_every_check(tmp_path: Path) -> None:
    checks = json.loads(ablate(tmp_path, "doctor", "--json").stdout)
    machine = ["store", "memory", "cores", "GPUs"]
    assert [check["what"] for check in checks] == [
        "Python",
        "packages",
        "plugins",
        "Ray",
        "temporary",
        *machine,
        "MLflow",
        "data",
        "weights",
        "cluster",
    ]


def test_doctor_names_a_remedy_for_exactly_the_checks_that_failed(tmp_path: Path) -> None:
    checks = json.loads(ablate(tmp_path, "doctor", "--json").stdout)
    assert [check["what"] for check in checks if bool(check["remedy"]) == check["fit"]] == []


def test_doctor_says_in_one_sentence_that_no_cluster_listens_at_an_address(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ablate", "doctor", "--json", "--address", "127.0.0.1:9"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    cluster = json.loads(done.stdout)[-1]
    refused = "127.0.0.1:9: the Ray cluster does not answer: ConnectionRefusedError: [Errno 111] Connection refused"
    assert (done.returncode, cluster["what"], cluster["found"]) == (1, "cluster", refused)
    assert cluster["remedy"].startswith("check that the cluster runs")
    assert done.stderr == ""


def test_doctor_names_a_remedy_for_a_server_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    done = ablate(tmp_path, "doctor", "--json")
    (mlflow,) = (check for check in json.loads(done.stdout) if check["what"] == "MLflow")
    assert (done.returncode, mlflow["fit"]) == (1, False)
    assert mlflow["remedy"].startswith("start it, correct the address")
