"""Finished trials of the studies here stay finished: their keys are the same in every version."""

from pathlib import Path

from ablate.planning.packs import with_pretraining
from ablate.planning.resolve import resolve
from ablate.study.read import read_study

STUDIES = Path(__file__).parents[2] / "studies"
FINISHED = Path(__file__).with_name("finished_keys.txt")
PROFILES = (None, "quick", "small", "recompressed")


def test_no_key_of_a_trial_of_the_studies_is_lost() -> None:
    """The file holds the keys that trials of these studies had.

    One is deleted where its result was wrong, or where the study was changed.
    """
    finished = FINISHED.read_text(encoding="utf-8").split()
    assert len(finished) > 1500
    assert sorted(set(finished) - keys_of_studies()) == []


def keys_of_studies() -> set[str]:
    """The keys of all trials of all studies, with the profiles that these have."""
    found: set[str] = set()
    for file in sorted(STUDIES.rglob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        for profile in PROFILES:
            if profile is None or f"  {profile}:" in text:
                found |= {trial.key for trial in with_pretraining(resolve(read_study(file, profile)))}
    return found
