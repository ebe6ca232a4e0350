"""Studies that come with the project, run on their quick profile."""

from pathlib import Path

import pytest

from .conftest import Field, answer

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
    report = answer(field_of_study.run("report", file, *BRIEF, "--json"))
    assert len(report["variants"]) == variants
    assert all(0.1 < variant["mean"] <= 1 for variant in report["variants"])
    name = Path(file).stem
    assert (field_of_study.store.study(name).report / "report.md").read_text().startswith(f"# {name}\n")
    assert set(field_of_study.statuses(name)) == {"FINISHED"}
