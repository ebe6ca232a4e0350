"""The report as Markdown."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from ablate.events import State
from ablate.reporting.content import report_of
from ablate.reporting.execution import Gap
from ablate.reporting.json import to_json
from ablate.reporting.markdown import escaped, gap_table, to_markdown
from ablate.stats.results import Result
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
MakeResult = Callable[..., Result]
METRIC = "linear/accuracy"
CASE: dict[str, Any] = {
    "axes": {"method.transformation": ("np", "rp", "rp+vat", "vat")},
    "baseline": {"method.transformation": "vat"},
}
TABLE_FIVE = {"id": "invariant-features", "table": "V"}


def markdown(study: Study, results: list[Result]) -> str:
    return to_markdown(report_of(study, results))


def row(text: str, first: str) -> list[str]:
    """The cells of the first table row whose first cell is this."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def tables(text: str) -> list[list[int]]:
    """The counts of cells of the rows of each table."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    return [[len(re.findall(r"(?<!\\)\|", line)) - 1 for line in block.splitlines()] for block in blocks]


def test_a_row_has_the_mean_with_interval_std_n_and_the_papers_value(study: Study, results: list[Result]) -> None:
    text = markdown(study, results)
    assert row(text, "transformation") == [
        *("transformation", f"{METRIC} (%)", "std", "n", "paper (± standard deviation)", "ours − paper", ""),
    ]
    assert row(text, "vat") == [
        "vat",
        "**80 ± 25 †**",
        "10",
        "3",
        "86.9 ± 1.3",
        "−7 (−1.2 s.e.)",
        "baseline",
    ]
    assert row(text, "np")[4:] == ["37.9 ± 5.8", "+42 (+6.7 s.e.)", ""]
    assert "† At smaller scale than the paper's: epochs 20 instead of 5000, seeds 3 instead of 5." in text


def test_missing_values_are_listed_with_their_reason(study: Study, results_with_gaps: list[Result]) -> None:
    text = markdown(study, results_with_gaps)
    assert row(text, "vat") == [
        *("vat", "70.00 (one seed, no interval) †", "–", "1", "86.9 ± 1.3", "−16.90", "2", "0", "0", "baseline"),
    ]
    assert row(text, "np")[1:4] == ["–", "–", "0"]
    assert "| fsdd, invariant, transformation=vat | 1, 2 | failed: loss \\| is nan at step 3 |" in text
    assert "| fsdd, invariant, transformation=np | 0 | no value: linear/accuracy is nan |" in text
    assert "| fsdd, invariant, transformation=np | 1, 2 | not run to the end |" in text
    assert all(len(set(cells)) == 1 for cells in tables(text))


def test_the_papers_finding_is_quoted_with_its_verdict(study: Study, results: list[Result]) -> None:
    text = markdown(study, results)
    assert "Learning Invariant Discriminative Features, Table V." in text
    assert "> Without perturbation learning fails" in text
    disagrees = (
        "**Disagrees, tested in part: 1 of 6 data sets** (at smaller scale than the paper's): invariant/transformation."
    )
    assert disagrees in text  # since all scores are equal
    assert "Not tested: linear_accuracy, EMNIST-Digits: not measured" in text
    assert row(text, "linear_accuracy, FSDD: VAT is better than NP by 15 percentage points or more")[2:] == [
        "15",
        "1.000",
        "\\< 0.001",
    ]


def test_the_note_of_a_study_is_below_the_verdict_of_its_report(make_study: MakeStudy, results: list[Result]) -> None:
    report = report_of(make_study(CASE, paper={**TABLE_FIVE, "note": "Few epochs."}), results)
    text = to_markdown(report)
    assert text.index("**Disagrees") < text.index("\nNote: Few epochs.\n") < text.index("Not tested: linear_accuracy")
    assert to_json(report)["paper"]["note"] == "Few epochs."


def test_a_data_set_that_replaces_the_papers_is_named_and_has_no_value_of_the_paper(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({**CASE, "dataset": "mnist"}, paper=TABLE_FIVE)
    text = markdown(study, [make_result({"method.transformation": "vat"}, 0, 0.9, dataset="mnist")])
    assert "mnist replaces the paper's EMNIST-Digits" in text
    assert "paper (±" not in text
    assert "0.986" not in text


@pytest.mark.parametrize(("epochs", "scale"), [(20, "at smaller scale and on other data"), (5000, "on other data")])
def test_a_verdict_from_a_data_set_that_replaces_the_papers_says_so_wherever_it_stands(
    make_study: MakeStudy, make_result: MakeResult, epochs: int, scale: str
) -> None:
    axis, seeds = "method.transformation", range(5)
    case = {"dataset": "mnist", "axes": {axis: ("np", "vat")}}
    study = make_study(case, paper={"id": "invariant-features", "ablation": "transformation"}, seeds=seeds)
    results = [
        make_result({axis: level}, seed, mean + 0.001 * seed, dataset="mnist", training={"epochs": epochs})
        for level, mean in (("np", 0.4), ("vat", 0.9))
        for seed in seeds
    ]
    text = to_markdown(report_of(study, results))
    part = "grees in part: 2 of 4 levels, 1 of 4 statements, 1 of 6 data sets**"
    assert f"The paper's finding: **a{part} {scale} (invariant/transformation)." in text
    assert f"**A{part} ({scale} than the paper's): invariant/transformation." in text


def test_a_data_set_that_the_paper_has_no_results_on_is_named(make_study: MakeStudy, make_result: MakeResult) -> None:
    study = make_study({**CASE, "dataset": "digits"}, paper=TABLE_FIVE)
    one = make_result({"method.transformation": "vat"}, 0, 0.9, dataset="digits")
    assert "The paper has no results on digits." in markdown(study, [one])


def test_a_wrong_reference_to_a_paper_is_stated_beside_the_results(
    make_study: MakeStudy, results: list[Result]
) -> None:
    study = make_study(CASE, paper={"id": "invariant-features", "table": "X"})
    text = markdown(study, results)
    assert "nothing is compared: 'invariant-features' has no ablation in 'Table X'" in text
    assert row(text, "vat")[1] == "**80 ± 25**"


def test_several_data_sets_have_a_column(make_study: MakeStudy, make_result: MakeResult) -> None:
    study = make_study(
        {"axes": {"method.epsilon": (1, 5)}}, {"dataset": "20newsgroups", "axes": {"method.epsilon": (10, 20)}}
    )
    results = [
        *(make_result({"method.epsilon": level}, 0, 0.5) for level in (1, 5)),
        *(make_result({"method.epsilon": level}, 0, 0.6, dataset="20newsgroups") for level in (10, 20)),
    ]
    text = markdown(study, results)
    assert row(text, "dataset")[:3] == ["dataset", "epsilon", f"{METRIC} (%)"]
    assert row(text, "20newsgroups")[:2] == ["20newsgroups", "10"]
    assert row(text, "Data set") == ["Data set", "fsdd, 20newsgroups"]


def test_other_metrics_of_the_studys_probes_have_a_table_of_their_own(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({"axes": {"method.k": (50, 100)}}, probes=("linear", "clustering"))
    one = make_result({"method.k": 50}, 0, 0.5)
    measured = Result(one.trial, State.FINISHED, {METRIC: 0.5, "clustering/nmi": 0.25, "train/loss": 3.0})
    text = markdown(study, [measured])
    assert "| k | clustering/nmi |" in text
    assert "| 50 | 0.2500 (one seed, no interval) |" in text
    assert "train/loss" not in text


def test_tables_of_many_other_metrics_are_as_wide_as_a_page_and_leave_out_what_is_zero(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({"axes": {"method.k": (50, 100)}}, probes=("linear", "clustering"))
    one = make_result({"method.k": 50}, 0, 0.5)
    names = [f"clustering/a_metric_with_a_long_name_{number}" for number in range(6)]
    metrics = dict.fromkeys(names, 0.25) | {METRIC: 0.5, "clustering/accuracy_std": 0.0}
    text = markdown(study, [Result(one.trial, State.FINISHED, metrics)])
    rows = [line for line in text.splitlines() if line.startswith("| k | clustering/")]
    assert len(rows) > 1
    assert all(len(line) <= 105 for line in rows)
    assert [cell.strip() for line in rows for cell in line.split("|")[2:-1]] == names


def test_a_search_lists_its_best_variants_and_warns_of_their_bias(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    search = {"trials": 3, "objectives": {METRIC: "maximize"}, "space": {"method.epsilon": {"low": 1, "high": 9}}}
    study = make_study({"design": "search"}, search=search, seeds=(0,), paper=TABLE_FIVE)
    results = [make_result({"method.epsilon": level}, 0, score) for level, score in ((7, 0.5), (2, 0.9), (5, 0.7))]
    text = markdown(study, results)
    before = text.partition("### Scores by seed")[0]
    assert re.findall(r"^\| (\d) \| \d\d\.\d\d", before, flags=re.MULTILINE) == ["2", "5", "7"]
    assert "(figure-1-history.png)" in text
    assert "the best of many means is biased\nupwards" in text


def test_text_of_the_study_is_escaped(make_study: MakeStudy, results: list[Result]) -> None:
    study = make_study(CASE, question="Which | one\n# is <b>best</b>?", profile="quick")
    text = markdown(study, results)
    assert "Which \\| one # is \\<b\\>best\\</b\\>?" in text
    assert row(text, "Profile") == ["Profile", "quick"]


def test_axes_with_the_same_last_word_are_named_by_their_whole_path(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({"axes": {"method.rate": (1, 2), "training.rate": (3,)}})
    levels = {"method.rate": 1, "training.rate": 3}
    text = markdown(study, [make_result(levels, 0, 0.5)])
    assert "| method.rate | training.rate | linear/accuracy (%) |" in text


def test_characters_with_a_meaning_in_markdown_are_escaped() -> None:
    assert escaped("a | b\nc") == r"a \| b c"
    assert escaped("<b> [x](y) `z` *w*") == r"\<b\> \[x\](y) \`z\` \*w\*"
    assert escaped("batch_size __init__") == r"batch_size \_\_init\_\_"


def test_more_than_fifty_gaps_are_counted_and_long_reasons_are_cut() -> None:
    table = gap_table(tuple(Gap(f"k={k}", (0, 1), "x" * 301) for k in range(52)))
    assert len(table.rows) == 51
    assert table.rows[0] == ("k=0", "0, 1", "x" * 300 + "…")
    assert table.rows[50] == ("…", "", "and 2 more rows")


def test_a_report_without_finished_trials_states_it(study: Study, make_result: MakeResult) -> None:
    running = make_result({"method.transformation": "vat"}, 0, None, state=State.RUNNING)
    assert ".png" not in markdown(study, [running])
    assert "No trial has finished yet." in markdown(study, [])


def test_no_number_is_nan(study: Study, make_result: MakeResult) -> None:
    results = [
        make_result({"method.transformation": "vat"}, 0, None),
        make_result({"method.transformation": "np"}, 0, 0.5),
    ]
    assert "nan" not in markdown(study, results)
