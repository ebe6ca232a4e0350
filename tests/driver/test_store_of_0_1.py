"""Studies that version 0.1 finished are found finished: nothing is trained or scored again.

`store_0_1` holds three study files, what version 0.1 left in their folders, and a dump of its MLflow database without
artifacts.  The axis that `old.yaml` calls `method.beta` was called `method.weight` in version 0.1.
"""

import lzma
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from .conftest import Command, WorkingDirectory, parsed

pytestmark = pytest.mark.slow

FIXTURE = Path(__file__).parent / "store_0_1"
TRIALS = {"old": 4, "old-phases": 2, "old-search": 2}  # study → trials
STUDIES = sorted(TRIALS)


@pytest.fixture
def directory_of_0_1(directory: WorkingDirectory) -> WorkingDirectory:
    """A working directory with the studies and the store of version 0.1."""
    shutil.copytree(FIXTURE / "studies", directory.folder / "studies")
    shutil.copytree(FIXTURE / "store", directory.store.root)
    directory.store.mlflow.mkdir()
    with closing(sqlite3.connect(directory.store.mlflow / "mlflow.db")) as database:
        database.executescript(lzma.decompress((FIXTURE / "mlflow.sql.xz").read_bytes()).decode())
    return directory


def assert_nothing_ran(launched: Command, directory: WorkingDirectory, study: str) -> None:
    assert launched.code == 0, launched.text
    assert f"{TRIALS[study]} of {TRIALS[study]} trials finished\n" in launched.text
    paths = directory.store.study(study)
    assert not paths.log.exists()  # Ray writes its output there as soon as it is started


def test_studies_of_0_1_have_nothing_left_and_are_settled_from_the_database(directory_of_0_1: WorkingDirectory) -> None:
    for study in STUDIES:
        plan = parsed(directory_of_0_1.run("plan", study, "--json"))
        found = (plan["trials"], plan["finished"], plan["failed"], plan["to_score"], plan["to_run"], plan["to_propose"])
        assert found == (TRIALS[study], TRIALS[study], 0, 0, [], 0)
    counts = {status["study"]: status["counts"] for status in parsed(directory_of_0_1.run("status", "--json"))}
    assert counts == {study: {"finished": trials} for study, trials in TRIALS.items()}
    for study in ("old-phases", "old-search"):
        assert_nothing_ran(directory_of_0_1.run("launch", study), directory_of_0_1, study)
    assert not (directory_of_0_1.store.mlflow / "port").exists()  # no server was started


@pytest.mark.cluster
def test_a_study_of_0_1_with_a_renamed_option_runs_nothing_then_only_a_new_seed(
    directory_of_0_1: WorkingDirectory,
) -> None:
    """The first launch starts the MLflow server to store the report, in which the axis has its new name."""
    before = directory_of_0_1.records("old")
    assert_nothing_ran(directory_of_0_1.run("launch", "old"), directory_of_0_1, "old")
    assert "| beta |" in (directory_of_0_1.store.study("old").report / "report.md").read_text()
    assert directory_of_0_1.records("old").keys() == before.keys()

    more = directory_of_0_1.run("launch", "old", "--set", "seeds=3")
    assert more.code == 0, more.text
    assert "6 of 6 trials finished, 2 trained in this launch" in more.text
    records = directory_of_0_1.records("old")
    new = {record.trial.name for key, record in records.items() if key not in before and record.trial}
    assert new == {"beta=0.5 · seed 2", "beta=2.0 · seed 2"}
    assert {key: records[key].metrics for key in before} == {key: record.metrics for key, record in before.items()}
    assert set(directory_of_0_1.statuses("old")) == {"FINISHED"}
