"""What a report exports beside its text: LaTeX, pivots, tables of trials and epochs, learning curves, costs."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from ablate.draw.curve_specs import CurveFigure
from ablate.driver.frames import frame_of_epochs, frame_of_trials
from ablate.events import State
from ablate.reporting.content import report_of
from ablate.reporting.cost import cause_of, costs, failures
from ablate.reporting.latex import to_latex
from ablate.reporting.latex_text import latex_text
from ablate.reporting.markdown import to_markdown
from ablate.reporting.pictures import pictures
from ablate.reporting.report import Measured, Report
from ablate.reporting.write import write_report
from ablate.stats.best import best_of
from ablate.stats.results import Result
from ablate.stats.variants import variants_of
from ablate.study.model import Study
from ablate.testing.plans import record_of

METRIC = "linear/accuracy"
K, EPSILON = "method.k", "method.epsilon"
MakeStudy, MakeResult = Callable[..., Study], Callable[..., Result]


@pytest.fixture
def two_axes(make_study: MakeStudy, make_result: MakeResult) -> tuple[Study, list[Result]]:
    """Three levels of k by two of epsilon: k=3 is best, k=2 is not distinguished from it, k=1 is far behind."""
    study = make_study({"axes": {K: (1, 2, 3), EPSILON: (0.5, 1.0)}})
    noise = {1: (0.0, 0.01, 0.02), 2: (0.03, 0.0, 0.01), 3: (0.0, 0.01, 0.02)}
    results = [
        make_result({K: k, EPSILON: epsilon}, seed, {1: 0.5, 2: 0.81, 3: 0.82}[k] + noise[k][seed] - epsilon / 100)
        for k in (1, 2, 3)
        for epsilon in (0.5, 1.0)
        for seed in range(3)
    ]
    return study, results


def test_a_study_of_two_axes_has_a_pivot_with_the_best_in_bold(two_axes: tuple[Study, list[Result]]) -> None:
    report = report_of(*two_axes)
    ((title, table),) = report.results.pivots
    assert (title, table.head) == ("", ("k \\ epsilon", "0.5", "1"))
    assert [row[0] for row in table.rows] == ["1", "2", "3"]
    cells = [cell for row in table.rows for cell in row[1:]]
    assert [isinstance(cell, Measured) and cell.best for cell in cells] == [False, False, True, True, True, False]
    text = to_markdown(report)
    assert "| 1 | 50.5 ± 2.5 | 50.0 ± 2.5 |" in text
    assert "| 3 | **82.5 ± 2.5** | 82.0 ± 2.5 |" in text
    assert "In bold: the best mean of each data set" in text


def test_methods_by_data_sets_are_a_pivot_with_the_best_of_each_data_set(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    methods, datasets = ("ae", "vae"), ("digits", "mnist")
    study = make_study(*({"method": name, "dataset": data} for name in methods for data in datasets))
    results = [
        make_result({}, seed, score + 0.001 * seed * (1 + at), method=methods[at // 2], dataset=datasets[at % 2])
        for at, score in enumerate((0.5, 0.9, 0.8, 0.4))
        for seed in range(3)
    ]
    ((_, table),) = report_of(study, results).results.pivots
    assert table.head == ("method \\ dataset", "digits", "mnist")
    bold = [[isinstance(cell, Measured) and cell.best for cell in row[1:]] for row in table.rows]
    assert bold == [[False, True], [True, False]]


def test_the_best_needs_three_seeds_and_a_direction(two_axes: tuple[Study, list[Result]]) -> None:
    study, results = two_axes
    variants = variants_of(study, results, METRIC)
    assert best_of(variants, 0) == frozenset()
    assert best_of(variants, -1) == {1}  # the lowest, and none is as low
    few = variants_of(study, [one for one in results if one.seed < 2 or one.levels[K] != 3], METRIC)
    assert best_of(few, 1) == frozenset()  # the best, k=3, has two seeds


def test_latex_has_every_table_of_a_report(make_study: MakeStudy, make_result: MakeResult) -> None:
    """Interactions of two axes, and on five data sets the means over them and ranks; the statements of a finding."""
    axis, data = "method.transformation", ("fsdd", "digits", "mnist", "cifar10", "cifar100")
    axes = {axis: ("np", "vat"), K: (1, 2), "dataset": data}
    paper = {"id": "invariant-features", "ablation": "transformation"}
    study = make_study({"axes": axes, "baseline": {axis: "vat"}}, paper=paper)
    results = [
        make_result({axis: level, K: k, "dataset": one}, seed, score + 0.01 * seed * k, dataset=one)
        for level, score in (("np", 0.4), ("vat", 0.9))
        for k in (1, 2)
        for one in data
        for seed in range(3)
    ]
    text = to_latex(report_of(study, results))
    labels = set(re.findall(r"\\label\{tab:([^}]*)\}", text))
    assert {"results", "comparisons", "interactions", "data-sets", "ranks", "statements-1"} <= labels
    assert r"transformation=np $\times$ k=2" in text
    assert r"VAT is better than NP by 15 percentage points or more" in text
    assert "\\caption{invariant/transformation: agrees in part: " in text
    assert re.search(r"critical difference of mean ranks \d\.\d\d", text)


def test_latex_has_booktabs_rules_bold_and_escaped_names(two_axes: tuple[Study, list[Result]]) -> None:
    text = to_latex(report_of(*two_axes))
    assert text.count("\\begin{table}") == text.count("\\end{table}") == 5
    assert text.count("\\toprule") == text.count("\\bottomrule") == 5
    assert "k \\textbackslash{} epsilon & 0.5 & 1 \\\\" in text
    assert "\\textbf{82.5 $\\pm$ 2.5}" in text
    assert text.count("{") == text.count("}")
    assert latex_text("50 % of x_1 & <b> {c}\n\\input") == "50 \\% of x\\_1 \\& $<$b$>$ \\{c\\} \\textbackslash{}input"


@pytest.fixture
def with_curves(two_axes: tuple[Study, list[Result]]) -> Report:
    study, results = two_axes
    curves = {
        "train/loss": {one.key: [(epoch, 1 / epoch + one.seed) for epoch in (1, 2, 3)] for one in results},
        METRIC: {one.key: [(3, 0.5)] for one in results},  # one point is no curve
    }
    return report_of(study, results, curves)


def test_learning_curves_have_a_band_over_seeds_for_each_variant(with_curves: Report) -> None:
    (figure,) = with_curves.figures.curves
    assert isinstance(figure.spec, CurveFigure)
    (panel,) = figure.spec.panels
    assert (panel.metric, len(panel.series)) == ("train/loss", 6)
    assert panel.series[0].label == "k=1, epsilon=0.5"
    first = panel.series[0].points[2]
    assert (first.n, first.mean, first.std) == (3, 1.5, 1.0)  # of 0.5, 1.5 and 2.5
    assert "![Learning curves" in to_markdown(with_curves)


def test_tables_of_trials_and_epochs_are_written_as_csv_and_parquet(
    two_axes: tuple[Study, list[Result]], tmp_path: Path
) -> None:
    study, results = two_axes
    trials = [one.trial for one in results]
    records = {one.key: replace(record_of(one.trial), metrics=one.metrics) for one in results[:-1]}
    curves = {
        "train/loss": {one.key: [(1, 0.5), (2, 0.25)] for one in results[:-1]},
        METRIC: {results[0].key: [(2, 0.9)]},
    }
    frames = {"trials": frame_of_trials(trials, records), "epochs": frame_of_epochs(trials, curves)}
    write_report(report_of(study, results), tmp_path, frames)
    for read, kind in ((pd.read_csv, "csv"), (pd.read_parquet, "parquet")):
        table, epochs = (read(tmp_path / f"{name}.{kind}") for name in ("trials", "epochs"))
        assert len(table) == 18
        assert list(table["state"]) == ["finished"] * 17 + ["waiting"]
        assert list(epochs["epoch"]) == [1, 2] * 17
        assert list(epochs[METRIC].dropna()) == [0.9]
        assert epochs["train/loss"].sum() == pytest.approx(17 * 0.75)
        assert set(epochs.columns) >= {"key", "name", "seed", K, EPSILON}


def test_an_axis_of_words_and_numbers_is_text_in_parquet(
    make_study: MakeStudy, make_result: MakeResult, tmp_path: Path
) -> None:
    results = [make_result({K: level}, 0, 0.5) for level in (0.9, "adaptive")]
    table = frame_of_trials([one.trial for one in results], {})
    write_report(report_of(make_study({"axes": {K: (0.9, "adaptive")}}), results), tmp_path, {"trials": table})
    assert list(pd.read_parquet(tmp_path / "trials.parquet")[K]) == ["0.9", "adaptive"]


def test_costs_are_device_hours_and_what_the_trials_ran_on(make_result: MakeResult) -> None:
    environment = {"device": "cpu: Xeon", "versions": "python 3.11, torch 2.15", "git": "abc"}
    one = make_result({K: 1}, 0, 0.5)
    results = [
        replace(one, seconds=1800.0, environment=environment),
        replace(one, seconds=3600.0, environment=environment),
    ]
    found = dict(costs([*results, one]))
    assert found["Cost"].startswith("1.5 device-hours for 2 trials")
    assert (found["Devices"], found["Commits"]) == ("cpu: Xeon", "abc")


def failed(make_result: MakeResult, reasons: Sequence[str]) -> list[Result]:
    return [make_result({K: at}, at, None, state=State.FAILED, reason=one) for at, one in enumerate(reasons)]


def test_failures_are_grouped_by_cause_the_most_frequent_first(make_study: MakeStudy, make_result: MakeResult) -> None:
    reasons = ["no space in /tmp/a/b", "loss is nan at step 3", "loss is nan at step 170", "no k5 at 0x7f00"]
    results = failed(make_result, reasons)
    found = failures(results, METRIC)
    assert [(one.cause, len(one.keys)) for one in found] == [
        *(("loss is nan at step #", 2), ("no space in …", 1), ("no k5 at #", 1)),
    ]
    text = to_markdown(report_of(make_study({"axes": {K: (0, 1, 2, 3)}}, seeds=range(4)), results))
    assert f"| loss is nan at step # | 2 | k=1 · seed 1 ({results[1].key}) |" in text


def test_a_long_cause_is_cut() -> None:
    assert len(cause_of("x" * 500)) == 201


def test_pictures_of_variants_are_side_by_side_in_text_and_page(
    two_axes: tuple[Study, list[Result]], tmp_path: Path
) -> None:
    study, results = two_axes
    keys = {one.key: one for one in results}

    def fetch(key: str, file: str) -> bytes | None:
        return f"{keys[key].trial.name} {file}".encode() if file == "embedding.png" else None

    report = report_of(study, results, fetch=fetch)
    (kind,) = report.figures.pictures
    assert [len(row) for row in kind.rows] == [3, 3]
    text = write_report(report, tmp_path).read_text(encoding="utf-8")
    assert "| k=1, epsilon=0.5, seed 0 | k=1, epsilon=1, seed 0 | k=2, epsilon=0.5, seed 0 |" in text
    assert "![Embeddings, k=1, epsilon=0.5, seed 0](picture-embedding-1.png) |" in text
    assert (tmp_path / "picture-embedding-1.png").read_bytes() == b"k=1, epsilon=0.5 \xc2\xb7 seed 0 embedding.png"
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count("data:image/png;base64,") == 6


def test_the_baseline_is_among_the_variants_whose_pictures_are_shown(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    levels = tuple(range(9))
    study = make_study({"axes": {K: levels}, "baseline": {K: 8}})
    results = [make_result({K: level}, 0, 0.5) for level in levels]
    (kind,) = pictures(study, METRIC, results, lambda _, file: b"" if file == "embedding.png" else None)
    assert kind.note == "6 of 9 variants"
    assert [one.label for one in kind.members] == [f"k={level}, seed 0" for level in (8, 0, 1, 2, 3, 4)]


def test_a_kind_of_picture_that_the_baseline_lacks_is_shown_of_the_methods_that_have_it(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    methods = ("invariant", "ae", "vae")
    study = make_study({"axes": {"method": methods, K: (1, 2)}})
    results = [make_result({"method": one, K: k}, 0, 0.5, method=one) for one in methods for k in (1, 2)]
    names, asked = {one.key: one.trial.name for one in results}, []

    def fetch(key: str, file: str) -> bytes | None:
        asked.append((names[key], file))
        decodes = "invariant" not in names[key] and file == "reconstructions.png"
        return b"" if decodes or file == "embedding.png" else None

    embeddings, reconstructions = pictures(study, METRIC, results, fetch)
    assert (len(embeddings.members), embeddings.note) == (6, "")
    assert [one.label.partition(",")[0] for one in reconstructions.members] == ["ae"] * 2 + ["vae"] * 2
    assert reconstructions.note == "4 of 6 variants"
    assert sum(file == "samples.png" for _, file in asked) == len(methods)  # one request of each method


def test_tables_and_files_hold_the_intervals_of_all_comparisons_together(
    make_study: MakeStudy, make_result: MakeResult, tmp_path: Path
) -> None:
    study = make_study({"axes": {K: (1, 2, 3)}})
    noise = (0.0, 0.01, -0.01)
    results = [make_result({K: k}, seed, 0.5 + 0.1 * k + k * noise[seed]) for k in (1, 2, 3) for seed in range(3)]
    report = report_of(study, results)
    write_report(report, tmp_path)
    row = pd.read_csv(tmp_path / "comparisons.csv").iloc[0]
    assert (row["simultaneous_low"], row["simultaneous_high"]) == pytest.approx((0.064175, 0.135825), abs=1e-5)
    assert "| 6 to 14 |" in to_markdown(report)
    assert "6 to 14" in to_latex(report)
    assert "the 95 % interval that holds for all of them together" in to_markdown(report)


@pytest.mark.parametrize(("seeds", "told"), [(7, False), (8, True)])
def test_from_eight_seeds_on_tables_hold_the_bootstrap_interval_of_each_difference(
    make_study: MakeStudy, make_result: MakeResult, tmp_path: Path, seeds: int, told: bool
) -> None:
    study = make_study({"axes": {K: (1, 2)}}, seeds=range(seeds))
    results = [make_result({K: k}, seed, 0.5 + 0.01 * (k - 1) * seed) for k in (1, 2) for seed in range(seeds)]
    report = report_of(study, results)
    interval = report.design.comparisons[0].bootstrap
    assert (interval is not None) == told
    assert ("BCa" in to_markdown(report)) == told
    assert ("BCa" in to_latex(report)) == told
    write_report(report, tmp_path)
    row = pd.read_csv(tmp_path / "comparisons.csv").iloc[0]
    assert interval is None or (row["bootstrap_low"], row["bootstrap_high"]) == pytest.approx(interval)
    assert interval is None or f"| {100 * interval[0]:.1f} to {100 * interval[1]:.1f} |" in to_markdown(report)
