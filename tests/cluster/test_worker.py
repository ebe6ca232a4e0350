"""A worker that Tune sets up and never steps leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.cluster.worker import Worker
from ablate.launch_config import PACK_CONFIG, PackConfig, RunRef
from ablate.paths import Store
from ablate.trial import Trial

pytestmark = pytest.mark.slow


def test_a_replacement_whose_pack_another_worker_has_finished_is_cleaned_up_without_running_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_trial: Callable[..., Trial]
) -> None:
    monkeypatch.chdir(tmp_path)
    trial = make_trial()
    (tmp_path / "store").mkdir()
    pack = PackConfig((trial,), {trial.key: RunRef()}, trial.study, str(tmp_path / "store"), 0.0, 1, 60.0, ())
    config = {"pack": PACK_CONFIG.encode(pack)}
    worker = Worker(config)
    worker.reset_config(config)
    worker.cleanup()
    assert not Store(tmp_path / "store").study(trial.study).trial(trial.key).folder.exists()
