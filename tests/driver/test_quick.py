"""A study of the folder `studies`, launched with its quick profile; the search among them is in `test_search`."""

import csv
from pathlib import Path

import pytest

from .conftest import WorkingDirectory

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

STUDIES = Path(__file__).parents[2] / "studies"
BRIEF = ("--profile", "quick", "--set", "training.epochs=2")  # of up to 10 epochs


def test_a_quick_study_ends_in_a_report(served_directory: WorkingDirectory) -> None:
    file = str(STUDIES / "invariant" / "transformation.yaml")
    launched = served_directory.run("launch", file, *BRIEF, "--set", "seeds=2")
    assert launched.code == 0, launched.text
    assert "8 of 8 trials finished, 8 trained in this launch" in launched.text
    folder = served_directory.store.study("transformation").report
    report = list(csv.DictReader((folder / "variants.csv").read_text().splitlines()))
    assert len(report) == 4
    assert all(0.1 < float(variant["mean"]) <= 1 for variant in report)
    assert (folder / "report.md").read_text().startswith("# transformation\n")
    assert set(served_directory.statuses("transformation")) == {"FINISHED"}
