"""Files that are damaged, cut or another trial's: they are set aside, and the work is done again."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ablate.run import is_trained
from ablate.testing.pack_runs import STEPS, After, MakeContext, assert_same, run, slope_trial
from ablate.track.spool import SpoolTracker
from ablate.train.checkpoint import load


def spoil(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def flip(file: Path) -> None:
    """Change one bit of a learned weight, and the archive's checksums accordingly."""
    content = torch.load(file, weights_only=True)
    snapshots = content["epochs"] if "epochs" in content else {0: content["params"]}
    next(iter(snapshots[max(snapshots)].values())).view(torch.int32)[0, 0] ^= 1
    torch.save(content, file)


@pytest.mark.parametrize("damage", [spoil, flip])
def test_a_damaged_encoder_is_set_aside_and_its_trial_trained_again(
    make_context: MakeContext, damage: Callable[[Path], None]
) -> None:
    pair = [slope_trial(0), slope_trial(1)]
    expected = run(pair, make_context("whole"))
    run(pair, make_context(stop=After(2 * 2 * STEPS + 1)))
    context = make_context()
    paths = context.paths.trial(pair[0].key)
    damage(paths.encoder)
    assert run(pair, context) == expected
    assert_same(pair[0], context, make_context("whole"))
    assert paths.encoder.with_name("encoder.pt.damaged").exists()
    assert "encoder.pt is set aside as encoder.pt.damaged" in paths.log.read_text()


@pytest.mark.parametrize("damage", [spoil, flip])
def test_a_damaged_checkpoint_is_set_aside_and_its_trial_trained_again(
    make_context: MakeContext, damage: Callable[[Path], None]
) -> None:
    trial, whole = slope_trial(), make_context("whole")
    expected = run([trial], whole)
    run([trial], make_context(stop=After(STEPS + 2)))
    context = make_context()
    paths = context.paths.trial(trial.key)
    damage(paths.checkpoint)
    assert run([trial], context) == expected
    assert_same(trial, context, whole)
    assert "checkpoint.pt is set aside as checkpoint.pt.damaged" in paths.log.read_text()


@pytest.mark.parametrize("stopped", [STEPS + 2, 2 * STEPS + 1])
@pytest.mark.parametrize("name", ["checkpoint.pt", "encoder.pt", "spool.jsonl", "all"])
def test_files_of_another_trial_are_set_aside_and_the_numbers_stay_the_trials_own(
    make_context: MakeContext, name: str, stopped: int
) -> None:
    trial, other, whole = slope_trial(0), slope_trial(0, pull=0.5), make_context("whole")
    expected = run([trial], whole)
    for one in (trial, other):
        run([one], make_context(stop=After(stopped)))
    context = make_context()
    own, foreign = context.paths.trial(trial.key), context.paths.trial(other.key)
    copied = [file for file in foreign.folder.iterdir() if file.name == name or name == "all"]
    for file in copied:
        shutil.copy(file, own.folder)
    assert run([trial], context) == expected
    assert_same(trial, context, whole)
    if copied:
        assert f"is of trial {other.key}" in own.log.read_text()


@pytest.mark.parametrize("stopped", [STEPS + 2, 2 * STEPS + 1])
def test_a_spool_that_is_cut_at_any_record_leads_to_the_whole_curve(make_context: MakeContext, stopped: int) -> None:
    """As after a power failure on a disk that loses what was flushed to it, while checkpoint and encoder are kept."""
    trial, whole = slope_trial(), make_context("whole")
    expected = run([trial], whole)
    run([trial], make_context(stop=After(stopped)))
    paths = make_context().paths.trial(trial.key)
    kept = {file: file.read_bytes() for file in paths.folder.iterdir()}
    ends = [at + 1 for at, byte in enumerate(kept[paths.spool]) if byte == ord("\n")]
    for end in {0, *(end + shift for end in ends for shift in (-1, 0, 1))}:
        shutil.rmtree(paths.folder)
        paths.folder.mkdir()
        for file, content in kept.items():
            file.write_bytes(content)
        paths.spool.write_bytes(kept[paths.spool][:end])
        assert run([trial], make_context()) == expected
        assert_same(trial, make_context(), whole)


@pytest.mark.parametrize("stopped", [STEPS + 2, 2 * STEPS + 1])
def test_no_file_outlives_a_record_before_it_wherever_a_power_failure_cuts_the_spool(
    make_context: MakeContext, stopped: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was flushed is kept, and of the rest any number of bytes; checkpoint and encoder are then usable."""
    flushed: dict[Path, int] = {}
    fsync = os.fsync

    def note(descriptor: int) -> None:
        fsync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").resolve()
        flushed[path] = path.stat().st_size

    monkeypatch.setattr(os, "fsync", note)
    trial = slope_trial()
    run([trial], make_context(stop=After(stopped)))
    paths = make_context().paths.trial(trial.key)
    content = paths.spool.read_bytes()
    assert paths.folder in flushed  # with the names of its files
    assert {file.name for file in flushed} >= {"spool.jsonl", paths.folder.name}
    for end in range(flushed[paths.spool], len(content) + 1):
        paths.spool.write_bytes(content[:end])
        context = make_context()
        assert isinstance(context.tracker, SpoolTracker)
        with context.tracker as tracker:
            tracker.start(trial)
            usable = load(paths.checkpoint, trial.key, tracker.sync(trial)) is not None
            assert (usable, is_trained(trial, context)) == (stopped < 2 * STEPS, stopped > 2 * STEPS)
