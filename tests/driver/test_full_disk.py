"""A launch whose store is on a full disk ends in one sentence, and goes on once there is space."""

import subprocess
import sys
from pathlib import Path

import pytest

from ablate.errors import FREE_SPACE

STUDY = """
question: Does ε matter?
method: invariant
dataset: digits
axes: {method.epsilon: [0.4, 0.8]}
fixed: {training.epochs: 3}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""
WITH_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")
SIZES = ("600k", "3m", "200m")  # MLflow's tables do not fit; an encoder does not; all does
LAUNCHES = """
set -u
mkdir store
mount -t tmpfs -o size=1m tmpfs store
for size in {sizes}; do
  mount -o remount,size=$size store
  {python} -m ablate launch small.yaml --storage store >$size.log 2>&1
  echo $? >$size.code
done
head -c 300M /dev/zero >store/ballast
{python} -m ablate launch small.yaml --storage store >finished.log 2>&1
echo $? >finished.code
find store/studies/small -maxdepth 1 -name '.*' >left
"""


def require_mounts() -> None:
    """Skip the test where this user may not mount a file system in a namespace of its own."""
    try:
        subprocess.run([*WITH_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mount namespaces are not permitted here")


@pytest.mark.slow
def test_a_launch_on_a_full_disk_names_it_and_goes_on_once_there_is_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_mounts()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "small.yaml").write_text(STUDY)
    script = LAUNCHES.format(sizes=" ".join(SIZES), python=sys.executable)
    subprocess.run([*WITH_MOUNTS, "bash", "-c", script], cwd=tmp_path, check=True, timeout=900)
    said = {size: (tmp_path / f"{size}.log").read_text() for size in SIZES}
    codes = [int((tmp_path / f"{size}.code").read_text()) for size in SIZES]
    assert codes == [1, 1, 0], said
    assert "Traceback" not in "".join(said.values())
    errors = [line for text in said.values() for line in text.splitlines() if line.startswith("ablate: ")]
    full = f"No space left on device; {FREE_SPACE}"
    assert errors[0] == f"ablate: {tmp_path}/store/mlflow: {full}"
    assert errors[1].startswith(f"ablate: {tmp_path}/store/studies/small: {full}")
    assert len(errors) == 2
    assert "4 of 4 trials finished, 4 trained in this launch" in said[SIZES[-1]]
    assert "4 of 4 trials finished" in (tmp_path / "finished.log").read_text()  # on a full disk it is read
    assert (tmp_path / "finished.code").read_text() == "0\n"
    assert (tmp_path / "left").read_text() == ""
