"""The page of a paper: findings with verdicts, printed numbers with ours, and what has not been run."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ablate.papers.reference import Printed
from ablate.reporting.paper import against_paper
from ablate.reporting.paper_page import NotRun, PaperPage, PaperStudy, page_of
from ablate.reporting.paper_page_formats import counts, page_json, page_markdown, write_page
from ablate.stats.estimate import Estimate
from ablate.stats.results import Result
from ablate.study.model import Study

AXIS = "method.transformation"
MEANS = {"np": 0.4, "rp": 0.5, "rp+vat": 0.8, "vat": 0.9}
PAPER = {"id": "invariant-features", "ablation": "transformation"}
PART = "1 of 6 data sets"
NOT_RUN = NotRun("k", "invariant/k", "Which <k> is best?", ("invariant/k",))
MakeStudy, MakeResult = Callable[..., Study], Callable[..., Result]


@pytest.fixture
def launched(make_study: MakeStudy, make_result: MakeResult) -> Callable[..., PaperStudy]:
    """A function that makes a study of the transformations, with scores that rank as the paper's or the other way."""

    def make(seeds: Sequence[int] = range(3), training: Any = None, sign: int = 1, **fields: Any) -> PaperStudy:
        case = {"axes": {AXIS: tuple(MEANS)}, "baseline": {AXIS: "vat"}}
        study = make_study(case, seeds=seeds, paper=PAPER, **fields)
        results = [
            make_result({AXIS: level}, seed, sign * mean + 0.001 * seed * (1 + index), training=training)
            for index, (level, mean) in enumerate(MEANS.items())
            for seed in seeds
        ]
        return PaperStudy(study, tuple(results))

    return make


@pytest.fixture
def page(launched: Callable[..., PaperStudy]) -> PaperPage:
    """The paper's page from one study at smaller scale than the paper's and one at its scale, which disagree."""
    whole = launched(range(5), {"epochs": 5000}, sign=-1, name="whole")
    return page_of("invariant-features", [launched(training={"epochs": 20, "samples": 600}), whole], [NOT_RUN])


def test_a_finding_has_the_verdict_of_each_study_and_counts_by_the_largest(page: PaperPage) -> None:
    (finding,) = [one for one in page.findings if one.tested]
    assert [(one.study, str(one.found.holds)) for one in finding.tested] == [
        *(("whole", "disagrees"), ("example", "agrees"))
    ]
    assert (str(finding.holds), finding.smaller) == ("disagrees", False)
    assert counts(page) == "Of 13 findings: 1 disagrees, 12 are not tested. 4 of 400 printed numbers measured."
    untested = page_of("invariant-features", [], [NOT_RUN])
    assert counts(untested) == "None of the 13 findings has been tested. 0 of 400 printed numbers measured."


def test_the_page_states_verdict_scale_statements_and_what_was_not_run(page: PaperPage) -> None:
    text = page_markdown(page)
    assert f"| invariant/transformation | Table V | disagrees, tested in part: {PART} | the paper's | whole |" in text
    smaller = "20 of 5000 epochs, 3 of 5 seeds, 600 of all training samples"
    assert f"| invariant/transformation | Table V | agrees in part: {PART} | {smaller} | example |" in text
    assert (
        f"**Agrees in part: {PART}** on fsdd in example (at smaller scale: {smaller}): invariant/transformation."
        in text
    )
    assert (
        f"**Disagrees, tested in part: {PART}** on fsdd in whole (scale: the paper's): invariant/transformation."
        in text
    )
    assert "| invariant/k | Figure 5 | not tested |  | invariant/k |" in text
    assert "- `ablate launch invariant/k`: Which \\<k\\> is best?" in text
    assert "linear_accuracy, FSDD: VAT is better than NP by 15 percentage points or more" in text


def test_findings_that_agree_in_part_are_counted_apart_and_say_what_it_means(
    launched: Callable[..., PaperStudy],
) -> None:
    page = page_of("invariant-features", [launched()], [])
    assert counts(page).startswith("Of 13 findings: 1 agrees in part, 12 are not tested.")
    assert "it agrees only in part, also where a level is the best of those that\nwere run" in page_markdown(page)
    (finding,) = [one for one in page_json(page)["findings"] if one["studies"]]
    assert (finding["verdict"], finding["in_part"]) == ("agrees in part", f"agrees in part: {PART}")
    assert finding["studies"][0]["verdict"] == "agrees in part"
    assert finding["studies"][0]["tested"] == {"data sets": {"tested": 1, "of": 6}}


def test_every_printed_number_is_listed_with_ours_and_the_difference(page: PaperPage) -> None:
    rows = [line for line in page_markdown(page).splitlines() if "transformation=NP" in line and "FSDD" in line]
    assert len(rows) == 2
    assert "| 37.9 ± 5.8 | −39.80 ± 0.20 | −77.7 (−29.9 s.e.) | the paper's | whole |" in rows[0]
    assert "† | +2.2 (+0.8 s.e.) | 20 of 5000 epochs" in rows[1]
    others = [line for line in page_markdown(page).splitlines() if "transformation=NP" in line]
    assert len(others) == 7  # on the data sets that no study used, too
    assert page_markdown(page, measured_only=True).count("transformation=NP") == 2


def test_an_incomplete_study_is_listed_with_its_count(launched: Callable[..., PaperStudy]) -> None:
    whole = launched()
    part = PaperStudy(whole.study, (*whole.results[:-1], Result(whole.results[-1].trial)))
    text = page_markdown(page_of("invariant-features", [part], []))
    assert "- `example` has results of 11 of 12 trials: `ablate launch example`" in text
    text = page_markdown(page_of("invariant-features", [replace(part, file="findings/example")], []))
    assert "trials: `ablate launch findings/example`" in text


def test_the_json_holds_verdicts_and_differences(page: PaperPage) -> None:
    content = page_json(page)
    (finding,) = [one for one in content["findings"] if one["studies"]]
    assert (finding["verdict"], finding["smaller"], len(finding["studies"])) == ("disagrees", False, 2)
    (number,) = [one for one in content["numbers"] if one["setting"].startswith("transformation=NP") and one["ours"]]
    assert [ours["difference"] for ours in number["ours"]] == pytest.approx([-0.777, 0.022])


@pytest.mark.parametrize(
    ("spread", "errors"), [("standard deviation", 0.05 / 0.02236), ("standard error", 0.05 / 0.0412)]
)
def test_a_difference_from_the_paper_is_counted_in_the_standard_errors_of_both(spread: Any, errors: float) -> None:
    printed = Printed(0.5, 0.04, spread, "fraction", "Table 1", "", "", "", "")
    found = against_paper(Estimate(4, 0.55, 0.02), printed, papers_seeds=4)  # ours 0.01; the paper's 0.02, or 0.04
    assert found is not None
    assert found.difference == pytest.approx(0.05)
    assert found.standard_errors == pytest.approx(errors, rel=1e-3)
    assert against_paper(Estimate(0), printed, papers_seeds=4) is None


def test_numbers_of_a_labelled_metric_have_its_words_and_unit_beside_the_papers(
    launched: Callable[..., PaperStudy],
) -> None:
    labels = {"linear/accuracy": {"label": "accuracy of a linear probe", "unit": "%"}}
    text = page_markdown(page_of("invariant-features", [launched(labels=labels)], []))
    (row,) = [line for line in text.splitlines() if "accuracy of a linear probe (%)" in line and "=VAT;" in line]
    assert "| 86.9 ± 1.3 | 90.4 ± 1.0 † | +3.5 " in row  # 0.869 in the paper


def test_the_note_of_a_study_is_below_its_verdict_and_only_there(launched: Callable[..., PaperStudy]) -> None:
    noted = launched(name="noted")
    paper = {**PAPER, "note": "Trained for | 20 epochs,\nnot for 5000."}
    study = noted.study.model_validate({**noted.study.model_dump(), "paper": paper})
    page = page_of("invariant-features", [replace(noted, study=study), launched()], [])
    text = page_markdown(page)
    assert text.count("Note: Trained for \\| 20 epochs, not for 5000.") == text.count("Note:") == 1
    assert text.index("fsdd in noted (") < text.index("Note:") < text.index("linear_accuracy, FSDD: VAT is better")
    notes = {one["study"]: one["note"] for finding in page_json(page)["findings"] for one in finding["studies"]}
    assert notes == {"noted": paper["note"], "example": None}


def test_a_page_says_that_all_have_run_only_where_the_papers_studies_are_known(
    launched: Callable[..., PaperStudy],
) -> None:
    every = "Every study of this paper that the folder `studies` holds has run to its end."
    known, unknown = (page_of("invariant-features", [launched()], studies) for studies in ([], None))
    assert every in page_markdown(known)
    assert every not in page_markdown(unknown)
    assert "so which of them have not been run is unknown" in page_markdown(unknown)
    assert (page_json(known)["not_run"], page_json(unknown)["not_run"]) == ([], None)


def test_the_tables_of_a_page_are_written_for_latex(page: PaperPage, tmp_path: Path) -> None:
    write_page(page, tmp_path)
    text = (tmp_path / "tables.tex").read_text(encoding="utf-8")
    labels = re.findall(r"\\label\{tab:([^}]*)\}", text)
    assert labels == ["findings", "statements-1", "statements-2", "numbers-table-v"]
    assert (
        r"invariant/transformation in whole: disagrees, tested in part: 1 of 6 data sets (scale: the paper's)" in text
    )
    assert "20 of 5000 epochs" in text
    assert r"37.9 $\pm$ 5.8 & $-$39.80 $\pm$ 0.20 &" in text
