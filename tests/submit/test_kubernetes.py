"""What is asked of Kubernetes when a study is submitted, looked at and stopped, of a stand-in for `kubectl`.

A test cannot have a cluster: the stand-in keeps objects in files, and the tests write what KubeRay and Kueue would.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.paths import Store
from ablate.planning.valid_study import validate
from ablate.study.read import read_study
from ablate.submit.jobs import Submitted, job_logs, job_of, stop_job
from ablate.submit.submission import submit
from ablate.submit.target import JobState

from ..services.waiting import wait_until

STUDY = """\
question: Does it matter?
method: pca
dataset: digits
seeds: 1
probes: [knn]
metric: knn/accuracy
"""
SCRIPT = Path(__file__).parent.parent / "services" / "kubectl_script.py"


class Lab:
    """A folder with a study, and a `kubectl` that keeps the objects of the namespace `lab` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "one.yaml").write_text(STUDY)
        (folder / "bin").mkdir()
        tool = folder / "bin" / "kubectl"
        tool.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, str(SCRIPT), str(folder / "objects")])} "$@"\n')
        tool.chmod(0o755)

    def await_at_apply(self, file: str) -> None:
        """Let `kubectl apply` take seconds; a file says that it has begun."""
        tool = self.folder / "bin" / "kubectl"
        first, last = tool.read_text().splitlines()
        slow = f'case " $* " in *" apply "*) touch {shlex.quote(str(self.folder / file))}; sleep 5;; esac'
        tool.write_text("\n".join([first, slow, last, ""]))

    def submit(self, store: str = "store", **options: str) -> Submitted:
        self.write_options(**options)
        return submit(read_study(self.folder / "one.yaml"), self.store(store), "kubernetes", self.folder / "lab.yaml")

    def write_options(self, **options: str) -> None:
        given = {"image": "lab/ablate:1", "volume_claim": "data", "namespace": "lab", "secret": "mlflow", **options}
        (self.folder / "lab.yaml").write_text(json.dumps({"kubernetes": given}))

    def store(self, name: str = "store") -> Store:
        return Store(self.folder / name)

    def state(self) -> JobState:
        job = job_of(self.store(), "one")
        assert job is not None
        return job.state

    def file(self, kind: str, name: str = "ablate-one") -> Path:
        return self.folder / "objects" / "lab" / kind / f"{name}.json"

    def read(self, kind: str, name: str = "ablate-one") -> Any:
        return json.loads(self.file(kind, name).read_text())

    def write(self, kind: str, name: str = "ablate-one", **fields: Any) -> None:
        file = self.file(kind, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        before = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({**before, **fields}))

    def set_status(self, deployment: str, job: str) -> None:
        """Write what KubeRay does."""
        self.write("rayjob", status={"jobDeploymentStatus": deployment, "jobStatus": job})


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return Lab(tmp_path)


@pytest.mark.parametrize(
    ("deployment", "job", "state"),
    [
        ("", "", "waiting"),
        ("Initializing", "", "waiting"),
        ("Suspended", "", "waiting"),  # by Kueue
        ("Running", "PENDING", "waiting"),
        ("Running", "RUNNING", "running"),
        ("Retrying", "FAILED", "waiting"),
    ],
)
def test_a_job_that_waits_or_runs_is_not_replaced_from_another_store(
    lab: Lab, deployment: str, job: str, state: str
) -> None:
    assert lab.submit().job_id == "ablate-one"
    lab.set_status(deployment, job)
    before = lab.read("rayjob")
    with pytest.raises(StudyError, match=f"the RayJob 'ablate-one' is {state}, submitted from another store"):
        lab.submit("other")
    assert lab.read("rayjob") == before
    assert job_of(lab.store("other"), "one") is None


def test_what_check_refuses_is_refused_and_not_sent(lab: Lab) -> None:
    (lab.folder / "one.yaml").write_text(STUDY.replace("[knn]", "[linear]"))
    with pytest.raises(StudyError, match="no chosen probe computes 'knn/accuracy'") as checked:
        validate(read_study(lab.folder / "one.yaml"))
    with pytest.raises(StudyError) as refused:
        lab.submit()
    assert str(refused.value) == str(checked.value)
    assert not (lab.folder / "objects").exists()


def test_of_two_submissions_at_the_same_time_the_second_is_refused(lab: Lab) -> None:
    lab.await_at_apply("begun")
    lab.write_options()
    arguments = ("submit", "one.yaml", "--to", "kubernetes", "--target", "lab.yaml", "--storage", "store")
    first = subprocess.Popen([sys.executable, "-m", "ablate", *arguments], cwd=lab.folder)
    wait_until((lab.folder / "begun").exists, lambda: "the first was not sent")
    with pytest.raises(StudyError, match="'one' is waiting as job ablate-one of kubernetes"):
        lab.submit()
    assert first.wait() == 0


@pytest.mark.parametrize(
    ("deployment", "job", "state"),
    [
        ("Complete", "SUCCEEDED", JobState.FINISHED),
        ("Failed", "FAILED", JobState.FAILED),
        ("Failed", "", JobState.FAILED),
        ("ValidationFailed", "", JobState.FAILED),
        ("Complete", "STOPPED", JobState.STOPPED),
    ],
)
def test_a_job_that_has_ended_is_replaced(lab: Lab, deployment: str, job: str, state: JobState) -> None:
    lab.submit()
    lab.set_status(deployment, job)
    assert lab.state() is state
    assert lab.submit("other").state is JobState.WAITING
    assert "status" not in lab.read("rayjob")


def test_a_job_that_was_deleted_is_no_longer_known(lab: Lab) -> None:
    lab.submit()
    lab.file("rayjob").unlink()
    assert lab.state() is JobState.UNKNOWN
    assert lab.submit().state is JobState.WAITING


def test_a_stopped_job_is_suspended_and_can_be_submitted_again(lab: Lab) -> None:
    lab.submit()
    lab.set_status("Running", "RUNNING")
    assert "job ablate-one of kubernetes was asked to checkpoint" in (stop_job(lab.store(), "one") or "")
    assert lab.read("rayjob")["spec"]["suspend"] is True
    lab.set_status("Suspended", "")
    assert lab.state() is JobState.STOPPED
    assert stop_job(lab.store(), "one") is None
    assert lab.submit("other").state is JobState.WAITING
    assert lab.read("rayjob")["spec"]["suspend"] is False


def test_a_stopped_job_of_a_queue_is_stopped_by_its_workload(lab: Lab) -> None:
    lab.submit(queue="lab")
    lab.set_status("Running", "RUNNING")
    for name, uid in (("mine", "uid-of-ablate-one"), ("others", "uid-of-another")):
        labels = {"kueue.x-k8s.io/job-uid": uid}
        lab.write("workload", name, metadata={"name": name, "labels": labels}, spec={"active": True})
    stop_job(lab.store(), "one")
    assert lab.read("workload", "mine")["spec"]["active"] is False
    assert lab.read("workload", "others")["spec"]["active"] is True
    lab.set_status("Suspended", "")
    assert lab.state() is JobState.STOPPED


@pytest.mark.parametrize("follow", [False, True])
def test_the_output_of_a_job_is_that_of_its_submitter(lab: Lab, follow: bool) -> None:
    lab.submit()
    lab.write("job", log="starting\n4 of 4 trials finished\n")
    assert "".join(job_logs(lab.store(), "one", follow) or ()) == "starting\n4 of 4 trials finished\n"


def test_a_store_that_submitting_makes_is_its_owners_alone(lab: Lab) -> None:
    before = os.umask(0o022)
    lab.submit()
    assert os.umask(before) == 0o022
    made = [lab.store().root, *lab.store().root.rglob("*")]
    assert sorted(path.name for path in made[3:]) == ["job.json", "job.lock"]
    assert not [path for path in made if path.stat().st_mode & 0o077]
