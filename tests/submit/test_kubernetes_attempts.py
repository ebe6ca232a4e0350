"""Which attempts of a job KubeRay repeats in vain: the script of the manifest, run as often as KubeRay would."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from ablate.paths import Store
from ablate.study.read import read_study
from ablate.submit.submission import make_job

from ..services.waiting import wait_until
from .test_kubernetes import STUDY

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
IMPATIENT = """\
#!{python}
import ablate.patience
ablate.patience.LAUNCH = 1.0
from ablate.cli import main
main()
"""
NO_SERVER = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}


class Pod:
    """A folder in which the head's script runs, with an `ablate` that waits a second for a service."""

    def __init__(self, folder: Path) -> None:
        self.mounted = folder / "mounted"
        self.store = Store(folder / "volume" / "a store")
        (folder / "bin").mkdir()
        program = folder / "bin" / "ablate"
        program.write_text(IMPATIENT.format(python=sys.executable))
        program.chmod(0o755)
        self.path = f"{program.parent}:{os.environ['PATH']}"

    def submit(self) -> None:
        """Make the files of a new submission, as the ConfigMap holds them."""
        self.mounted.mkdir(exist_ok=True)
        (self.mounted.parent / "one.yaml").write_text(STUDY)
        options = {"image": "a", "volume_claim": "b", "workers": 0, "store": str(self.store.root)}
        (self.mounted / "lab.yaml").write_text(yaml.safe_dump({"kubernetes": options}))
        study = read_study(self.mounted.parent / "one.yaml")
        target, job = make_job(study, self.store, "kubernetes", self.mounted / "lab.yaml")
        config, manifest = yaml.safe_load_all(self.here(target.render(job)))
        for name, content in config["data"].items():
            (self.mounted / name).write_text(content)
        self.entrypoint = shlex.split(manifest["spec"]["entrypoint"])

    def here(self, text: str) -> str:
        return text.replace("/etc/ablate", str(self.mounted))

    def start(self, **variables: str) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
        environment |= {"PATH": self.path, **variables}
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(self.entrypoint, env=environment, **output)  # type: ignore[call-overload,no-any-return]

    def attempt(self, **variables: str) -> tuple[int, str]:
        """The exit code of an attempt, and what it printed."""
        process = self.start(**variables)
        printed, _ = process.communicate()
        return process.returncode, printed

    def killed_attempt(self) -> int:
        """The exit code of an attempt whose launch is killed."""
        with self.start() as process:
            claimed = self.store.study("one").lock
            wait_until(claimed.exists, lambda: f"{claimed} is not there")
            (launch,) = psutil.Process(process.pid).children()
            launch.kill()
            process.communicate()
        return process.returncode


def test_an_attempt_is_repeated_after_75_and_a_kill_and_not_after_what_would_fail_again(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.submit()
    code, printed = pod.attempt(**NO_SERVER)
    assert (code, "does not answer" in printed) == (75, True), printed
    assert pod.killed_attempt() == 128 + 9
    study = pod.mounted / "one.yaml"
    right = study.read_text()
    study.write_text("qestion: a\n" + right)
    code, printed = pod.attempt()
    assert (code, "unknown key 'qestion'" in printed) == (2, True), printed
    study.write_text(right)
    again = "ablate launch ended with 2 in an earlier attempt of this submission; submit the study again to go on\n"
    assert pod.attempt() == (2, again)
    pod.submit()
    code, printed = pod.attempt()
    assert (code, "1 of 1 trial finished" in printed) == (0, True), printed
    assert pod.attempt() == (0, again.replace("with 2", "with 0"))
