"""Studies of the folder `studies`, launched with their quick profile; the search among them is in `test_search`."""

import csv
from pathlib import Path

import pytest

from .conftest import WorkingDirectory

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

STUDIES = Path(__file__).parents[2] / "studies"
BRIEF = ("--profile", "quick", "--set", "training.epochs=2")  # of up to 10 epochs


@pytest.mark.parametrize(
    ("name", "seeds", "trials", "variants"),
    [  # different seeds: else one study would copy trials that the other has trained; one seed has no deviation
        ("invariant/transformation", [0, 1], 8, 4),
        ("invariant/k", [2], 3, 3),
    ],
)
def test_a_quick_study_ends_in_a_report(
    served_directory: WorkingDirectory, name: str, seeds: list[int], trials: int, variants: int
) -> None:
    file = str(STUDIES / f"{name}.yaml")
    launched = served_directory.run("launch", file, *BRIEF, "--set", f"seeds={seeds}")
    assert launched.code == 0, launched.text
    assert f"{trials} of {trials} trials finished, {trials} trained in this launch" in launched.text
    name = Path(file).stem
    folder = served_directory.store.study(name).report
    report = list(csv.DictReader((folder / "variants.csv").read_text().splitlines()))
    assert len(report) == variants
    assert all(0.1 < float(variant["mean"]) <= 1 for variant in report)
    assert (folder / "report.md").read_text().startswith(f"# {name}\n")
    assert set(served_directory.statuses(name)) == {"FINISHED"}
