"""`ablate report`, `diff` and `list papers` on studies that are recorded in MLflow."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ablate.cli import app
from ablate.errors import StudyError
from ablate.paths import Store
from ablate.study.read import read_study
from ablate.track.mlflow_store import MlflowStore
from ablate.trial import Trial

from ..services.recorded import record_study

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

MEANS = {"np": 0.4, "rp": 0.5, "rp+vat": 0.8, "vat": 0.9}
STUDY = """
name: transforms
paper: {id: invariant-features, ablation: transformation}
method: invariant
dataset: fsdd
axes: {method.transformation: [np, rp, rp+vat, vat]}
fixed: {training.epochs: 20}
seeds: 3
probes: [linear]
metric: linear/accuracy
"""
SHORTER = (
    *("name=shorter", "training.epochs=10", "axes.method.transformation=[np,rp]", "paper=null"),
    "budget.device_hours=2",
)
Run = Callable[..., str]


@pytest.fixture(scope="module")
def recorded(mlflow_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with a study of the paper, whose scores rank as the paper's."""
    store = Store(tmp_path_factory.mktemp("paper") / "store")
    file = store.root.parent / "transforms.yaml"
    file.write_text(STUDY, encoding="utf-8")

    def scores(trial: Trial) -> dict[int, dict[str, float]]:
        mean = MEANS[str(trial.levels["method.transformation"])]
        return {20: {"linear/accuracy": mean + 0.002 * trial.config.seed}}

    record_study(read_study(file), store, mlflow_uri, scores)
    record_study(read_study(file, overrides=SHORTER), store, mlflow_uri, scores)
    return store


@pytest.fixture
def run(recorded: Store, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs a command on the store and returns what it prints."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    monkeypatch.setenv("ABLATE_STORE", str(recorded.root))

    def command(*arguments: str) -> str:
        done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return command


def test_a_papers_page_is_written_and_printed(run: Run, recorded: Store, tmp_path: Path) -> None:
    printed = run("report", "--paper", "invariant-features")
    assert run("report", "--paper", "invariant-features", "--output", str(tmp_path / "page.md")) == (
        f"{tmp_path / 'page.md'}\n"
    )
    folder = recorded.papers / "invariant-features"
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert text == (tmp_path / "page.md").read_text(encoding="utf-8")
    assert text in printed
    verdict = "agrees in part: 1 of 6 data sets"
    assert f"| invariant/transformation | Table V | {verdict} | 20 of 5000 epochs, 3 of 5 seeds | transforms |" in text
    assert "- `ablate launch invariant/k`" in text
    assert "ablate launch invariant/transformation" in text  # the study of that name was not launched
    assert "<h1>" in (folder / "report.html").read_text(encoding="utf-8")
    rows = (folder / "numbers.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 401  # a head, and the paper's 400 numbers
    assert sum(",transforms," in row for row in rows) == 4


def test_all_papers_are_one_page_with_the_measured_numbers(run: Run, tmp_path: Path) -> None:
    run("report", "--paper", "all", "--output", str(tmp_path / "all.md"))
    text = (tmp_path / "all.md").read_text(encoding="utf-8")
    assert text.count("\n## Findings\n") == 5
    assert "396 printed numbers that no study has measured yet are left out here." in text


def test_a_note_written_after_the_launch_is_on_the_page(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = STUDY.replace("ablation: transformation", "ablation: transformation, note: Seeds differ.")
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "transforms.yaml").write_text(noted, encoding="utf-8")
    assert "Note:" not in run("report", "--paper", "invariant-features")
    monkeypatch.chdir(tmp_path)
    assert "\nNote: Seeds differ.\n" in run("report", "--paper", "invariant-features")


def test_in_another_working_directory_the_studies_of_a_paper_are_unknown(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = run("report", "--paper", "invariant-features")
    assert "| 20 of 5000 epochs, 3 of 5 seeds | transforms |" in text  # the store is known
    assert "which of them have not been run is unknown" in text
    assert "has run to its end" not in text
    listed = " ".join(run("list", "papers").split())
    assert "studies unknown: no study of this paper is in a folder 'studies'" in listed
    assert "0 of 400" not in listed
    assert "covered" not in run("list", "papers", "invariant-features")


def test_the_list_of_papers_shows_verdicts(run: Run) -> None:
    listed = json.loads(run("list", "papers", "--json"))
    verdicts = {entry["name"]: entry["facts"].get("verdicts") for entry in listed}
    agrees = "agrees in part: 1 of 6 data sets, by transforms (scale: 20 of 5000 epochs, 3 of 5 seeds)"
    assert verdicts["invariant-features"] == {"invariant/transformation": agrees}
    assert verdicts["simvae"] == {}
    assert "1 of 13 findings tested: 1 agrees in part" in " ".join(run("list", "papers").split())
    assert agrees in " ".join(run("list", "papers", "invariant-features").split())


def test_the_status_says_what_the_trials_have_left_of_the_budget(run: Run) -> None:
    every = {status["study"]: status for status in json.loads(run("status", "--json"))}
    assert every["transforms"]["budget"] is every["transforms"]["budget_left"] is None
    assert every["shorter"]["budget"] == 2.0
    assert 1.9 < every["shorter"]["budget_left"] <= 2.0  # a trial that takes less than a millisecond takes none
    assert "of 2 device-hours left" in run("status", "shorter")


def test_an_unknown_paper_names_the_nearest_one(run: Run, recorded: Store) -> None:
    with pytest.raises(StudyError, match="did you mean 'simvae'"):
        CliRunner().invoke(app, ["report", "--paper", "simvea"], catch_exceptions=False)


def test_two_studies_are_compared_in_files_and_in_json(run: Run, recorded: Store) -> None:
    one, other = (str(recorded.study(name).study) for name in ("transforms", "shorter"))
    printed = run("report", one, other)
    folder = recorded.comparisons / "transforms--shorter"
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert text in printed
    assert "| training.epochs | 20 | 10 |" in text
    assert "- only transforms: transformation=vat" in text
    assert "<svg " in (folder / "report.html").read_text(encoding="utf-8")
    found = json.loads(run("report", one, other, "--json"))
    assert [variant["variant"] for variant in found["variants"]] == ["transformation=np", "transformation=rp"]
    assert [variant["mean"] for variant in found["variants"]] == [0, 0]


def test_two_trials_differ_in_what_differs_and_nothing_else(run: Run) -> None:
    names = ("transformation=np · seed 0", "transformation=vat · seed 0")
    found = json.loads(run("diff", *names, "--study", "transforms", "--json"))
    assert found["settings"] == [{"name": "method.transformation", "first": "np", "second": "vat"}]
    assert found["metrics"] == [{"name": "linear/accuracy", "first": 0.4, "second": 0.9}]
    assert (found["versions"], found["data"]) == ([], [])
    table = run("diff", *names, "--study", "transforms")
    assert "method.transformation" in table
    assert "versions" not in table


def test_a_trial_does_not_differ_from_its_run_in_mlflow(run: Run, recorded: Store, mlflow_uri: str) -> None:
    records = MlflowStore(mlflow_uri).snapshot("shorter").records
    key, record = next(iter(records.items()))
    assert run("diff", key, f"runs:/{record.run_id}") == "nothing differs\n"


def test_plan_and_check_leave_no_trace_in_mlflow(run: Run, recorded: Store, mlflow_uri: str) -> None:
    client = MlflowStore(mlflow_uri).client
    before = client.list_experiments()
    run("check", str(recorded.study("transforms").study), "--set", "name=never-launched")
    run("plan", str(recorded.study("transforms").study), "--set", "name=never-launched", "--no-measure")
    assert client.list_experiments() == before
    assert client.get_experiment_by_name("never-launched") is None


def test_a_trial_that_no_run_has_is_refused(run: Run) -> None:
    with pytest.raises(StudyError, match="no trial that can be read"):
        CliRunner().invoke(app, ["diff", "runs:/0123", "runs:/0123"], catch_exceptions=False)
