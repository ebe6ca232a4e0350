"""Studies that come with the project, run on their quick profile."""

import csv
from pathlib import Path

import pytest

from .conftest import Field

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

STUDIES = Path(__file__).parents[2] / "studies"
BRIEF = ("--profile", "quick", "--set", "seeds=2", "--set", "training.epochs=4")  # of up to 3 seeds and 10 epochs


@pytest.mark.parametrize(
    ("name", "trials", "variants"),
    [("invariant/transformation", 8, 4), ("invariant/k", 6, 3), ("search", 16, 8)],
)
def test_a_quick_study_ends_in_a_report(field_of_study: Field, name: str, trials: int, variants: int) -> None:
    file = str(STUDIES / f"{name}.yaml")
    launched = field_of_study.run("launch", file, *BRIEF)
    assert launched.code == 0, launched.text
    assert f"{trials} of {trials} trials finished, {trials} of them in this launch" in launched.text
    name = Path(file).stem
    folder = field_of_study.store.study(name).report
    report = list(csv.DictReader((folder / "variants.csv").read_text().splitlines()))
    assert len(report) == variants
    assert all(0.1 < float(variant["mean"]) <= 1 for variant in report)
    assert (folder / "report.md").read_text().startswith(f"# {name}\n")
    assert set(field_of_study.statuses(name)) == {"FINISHED"}
