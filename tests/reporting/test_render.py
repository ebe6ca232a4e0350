"""The report as people find it."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ablate.reporting.render import to_json, write_report
from ablate.stats.results import Result
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
Make = Callable[..., Result]
METRIC = "linear/accuracy"
SCORES = (0.7, 0.8, 0.9)
LEVELS = ("np", "rp", "rp+vat", "vat")
CASE: dict[str, Any] = {"axes": {"method.transformation": LEVELS}, "baseline": {"method.transformation": "vat"}}
TABLE_FIVE = {"id": "invariant-features", "table": "V"}


@pytest.fixture
def asked(study: MakeStudy) -> Study:
    return study(CASE, paper=TABLE_FIVE)


@pytest.fixture
def results(result: Make) -> list[Result]:
    return [result({"method.transformation": level}, seed, SCORES[seed]) for level in LEVELS for seed in range(3)]


def row(text: str, first: str) -> list[str]:
    """The cells of the first table row that begins so."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def tables(text: str) -> list[list[int]]:
    """How many cells the rows of each table have."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    return [[len(re.findall(r"(?<!\\)\|", line)) - 1 for line in block.splitlines()] for block in blocks]


def test_a_row_has_mean_interval_deviation_count_and_the_papers_number(
    asked: Study, results: list[Result], tmp_path: Path
) -> None:
    text = write_report(asked, results, tmp_path).read_text()
    assert row(text, "transformation") == [
        *("transformation", METRIC, "std", "n", "paper (± standard deviation)", ""),
    ]
    assert row(text, "vat") == ["vat", "0.8000 ± 0.2484 †", "0.1000", "3", "0.8690 ± 0.0130", "baseline"]
    assert row(text, "np")[4:] == ["0.3790 ± 0.0580", ""]
    assert "† At smaller scale than the paper's: epochs 20 instead of 5000, seeds 3 instead of 5." in text


def test_every_link_leads_to_a_file_beside_the_report(asked: Study, results: list[Result], tmp_path: Path) -> None:
    report = write_report(asked, results, tmp_path / "new" / "folder")
    links = re.findall(r"\]\(([^)]*)\)", report.read_text())
    assert links == ["figure-1-transformation.png"]
    assert (report.parent / links[0]).read_bytes().startswith(b"\x89PNG")
    assert sorted(file.name for file in report.parent.iterdir()) == [
        *("figure-1-transformation.png", "report.md", "variants.csv"),
    ]


def test_the_same_results_write_the_same_bytes(asked: Study, results: list[Result], tmp_path: Path) -> None:
    first, second = (write_report(asked, results, tmp_path / name).parent for name in ("first", "second"))
    for file in first.iterdir():
        assert file.read_bytes() == (second / file.name).read_bytes()


def test_a_new_report_takes_the_place_of_the_old(asked: Study, results: list[Result], tmp_path: Path) -> None:
    write_report(asked, results[:3], tmp_path)
    report = write_report(asked, results, tmp_path)
    assert "| vat |" in report.read_text()
    assert "Nothing: every trial" in report.read_text()


def test_what_is_missing_is_said_with_its_reason(asked: Study, result: Make, tmp_path: Path) -> None:
    def at(level: str, seed: int, score: float | None, **fields: Any) -> Result:
        return result({"method.transformation": level}, seed, score, **fields)

    results = [
        at("vat", 0, 0.7),
        at("vat", 1, None, status="FAILED", reason="loss | is nan\nat step 3"),
        at("vat", 2, None, status="FAILED", reason="loss | is nan\nat step 3"),
        at("np", 0, math.nan),
        at("np", 1, None, status="NOT RUN"),
    ]
    text = write_report(asked, results, tmp_path).read_text()
    assert row(text, "vat") == [
        *("vat", "0.7000 (one seed, no interval) †", "–", "1", "0.8690 ± 0.0130", "2", "0", "baseline"),
    ]
    assert row(text, "np")[1:4] == ["–", "–", "0"]
    assert "| fsdd, invariant, transformation=vat | 1, 2 | failed: loss \\| is nan at step 3 |" in text
    assert "| fsdd, invariant, transformation=np | 0 | failed: linear/accuracy is nan |" in text
    assert "| fsdd, invariant, transformation=np | 1, 2 | not run to the end |" in text
    assert all(len(set(cells)) == 1 for cells in tables(text))


def test_no_number_of_the_report_is_nan(asked: Study, result: Make, tmp_path: Path) -> None:
    results = [result({"method.transformation": "vat"}, 0, None), result({"method.transformation": "np"}, 0, 0.5)]
    report = write_report(asked, results, tmp_path)
    assert "nan" not in report.read_text()
    assert "nan" not in (tmp_path / "variants.csv").read_text()
    json.dumps(to_json(asked, results), allow_nan=False)


def test_nothing_finished_is_a_report_too(asked: Study, result: Make, tmp_path: Path) -> None:
    for number, results in enumerate(([], [result({"method.transformation": "vat"}, 0, None, status="RUNNING")])):
        text = write_report(asked, results, tmp_path / str(number)).read_text()
        assert ".png" not in text
    assert "No trial has finished yet." in write_report(asked, [], tmp_path).read_text()


def test_the_papers_finding_stands_in_its_words_and_is_not_judged(
    asked: Study, results: list[Result], tmp_path: Path
) -> None:
    text = write_report(asked, results, tmp_path).read_text()
    assert "Learning Invariant Discriminative Features, Table V." in text
    assert "> Without perturbation learning fails" in text
    assert "does not judge whether the finding holds" in text
    assert not re.search(r"\b(agrees|disagrees|undecided)\b", text)


def test_a_stand_in_is_named_and_its_paper_numbers_are_not_shown(
    study: MakeStudy, result: Make, tmp_path: Path
) -> None:
    asked = study({**CASE, "dataset": "mnist"}, paper=TABLE_FIVE)
    text = write_report(
        asked, [result({"method.transformation": "vat"}, 0, 0.9, dataset="mnist")], tmp_path
    ).read_text()
    assert "mnist stands in for the paper's EMNIST-Digits" in text
    assert "paper (±" not in text
    assert "0.986" not in text


def test_a_data_set_that_the_paper_never_saw_is_named(study: MakeStudy, result: Make, tmp_path: Path) -> None:
    asked = study({**CASE, "dataset": "digits"}, paper=TABLE_FIVE)
    one = result({"method.transformation": "vat"}, 0, 0.9, dataset="digits")
    assert "The paper has no results on digits." in write_report(asked, [one], tmp_path).read_text()


def test_a_wrong_reference_to_a_paper_is_said_and_stops_nothing(
    study: MakeStudy, results: list[Result], tmp_path: Path
) -> None:
    asked = study(CASE, paper={"id": "invariant-features", "table": "X"})
    text = write_report(asked, results, tmp_path).read_text()
    assert "nothing is compared: 'invariant-features' has no ablation in 'Table X'" in text
    assert row(text, "vat")[1] == "0.8000 ± 0.2484"


def test_two_data_sets_are_told_apart(study: MakeStudy, result: Make, tmp_path: Path) -> None:
    asked = study(
        {"axes": {"method.epsilon": (1, 5)}}, {"dataset": "20newsgroups", "axes": {"method.epsilon": (10, 20)}}
    )
    results = [
        *(result({"method.epsilon": level}, 0, 0.5) for level in (1, 5)),
        *(result({"method.epsilon": level}, 0, 0.6, dataset="20newsgroups") for level in (10, 20)),
    ]
    text = write_report(asked, results, tmp_path).read_text()
    assert row(text, "dataset")[:3] == ["dataset", "epsilon", METRIC]
    assert row(text, "20newsgroups")[:2] == ["20newsgroups", "10"]
    assert row(text, "Data set") == ["Data set", "fsdd, 20newsgroups"]


def test_other_metrics_of_the_studys_probes_have_their_own_table(
    study: MakeStudy, result: Make, tmp_path: Path
) -> None:
    asked = study({"axes": {"method.k": (50, 100)}}, probes=("linear", "clustering"))
    one = result({"method.k": 50}, 0, 0.5)
    measured = Result(one.trial, "FINISHED", {METRIC: 0.5, "clustering/nmi": 0.25, "train/loss": 3.0})
    text = write_report(asked, [measured], tmp_path).read_text()
    assert "| k | clustering/nmi |" in text
    assert "| 50 | 0.2500 (one seed, no interval) |" in text
    assert "train/loss" not in text


def test_a_search_shows_its_best_settings_and_the_way_there(study: MakeStudy, result: Make, tmp_path: Path) -> None:
    search = {"trials": 3, "objectives": {METRIC: "maximize"}, "space": {"method.epsilon": {"low": 1, "high": 9}}}
    asked = study({"design": "search"}, search=search, seeds=(0,), paper=TABLE_FIVE)
    results = [result({"method.epsilon": level}, 0, score) for level, score in ((7, 0.5), (2, 0.9), (5, 0.7))]
    text = write_report(asked, results, tmp_path).read_text()
    assert re.findall(r"^\| (\d) \| 0\.\d{4}", text, flags=re.MULTILINE) == ["2", "5", "7"]
    assert "(figure-1-history.png)" in text
    assert (tmp_path / "figure-1-history.png").exists()


def test_words_of_the_study_cannot_become_markdown(study: MakeStudy, results: list[Result], tmp_path: Path) -> None:
    asked = study(CASE, question="Which | one\n# is <b>best</b>?", profile="quick")
    text = write_report(asked, results, tmp_path).read_text()
    assert "Which \\| one # is \\<b\\>best\\</b\\>?" in text
    assert row(text, "Profile") == ["Profile", "quick"]


def test_json_holds_seeds_estimates_and_the_papers_number(asked: Study, results: list[Result]) -> None:
    content = json.loads(json.dumps(to_json(asked, results), allow_nan=False))
    (vat,) = (one for one in content["variants"] if one["baseline"])
    assert vat["levels"] == {"method.transformation": "vat"}
    assert vat["scores"] == {"0": 0.7, "1": 0.8, "2": 0.9}
    assert vat["low"] == pytest.approx(0.5515862, abs=1e-6)
    assert (vat["paper"]["value"], vat["paper"]["std"]) == (0.869, 0.013)
    assert content["paper"]["id"] == "invariant-features"
    assert list(content["paper"]["findings"]) == ["invariant/transformation"]


def test_axes_of_one_last_word_keep_their_whole_names(study: MakeStudy, result: Make, tmp_path: Path) -> None:
    asked = study({"axes": {"method.rate": (1, 2), "training.rate": (3,)}})
    levels = {"method.rate": 1, "training.rate": 3}
    text = write_report(asked, [result(levels, 0, 0.5)], tmp_path).read_text()
    assert "| method.rate | training.rate | linear/accuracy |" in text
