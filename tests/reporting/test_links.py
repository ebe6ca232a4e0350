"""The numbers of every table of a page link to the runs that they are from."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest

from ablate.events import State
from ablate.planning.resolve import resolve_proposal
from ablate.reporting.content import report_of
from ablate.reporting.links import Links
from ablate.reporting.paper_page import PaperStudy, page_of
from ablate.reporting.paper_page_formats import write_page
from ablate.reporting.report import Measured
from ablate.reporting.two_studies import StudyResults, compare_studies
from ablate.reporting.two_studies_formats import write_comparison
from ablate.reporting.write import write_report
from ablate.stats.results import Result
from ablate.study.model import Study
from ablate.track.shared_views import RANKED, link_to_run, link_to_runs

MakeStudy, MakeResult = Callable[..., Study], Callable[..., Result]
RUNS = "http://mlflow.example/#/experiments/7/runs/"
VARIANTS = link_to_runs("http://mlflow.example", "7")
TRANSFORMATIONS = ("np", "vat")
CASE = {"axes": {"method.transformation": TRANSFORMATIONS, "dataset": ("fsdd", "emnist-digits")}}
PAPER = {"id": "invariant-features", "ablation": "transformation"}


@pytest.fixture
def study(make_study: MakeStudy) -> Study:
    return make_study(CASE, paper=PAPER, probes=("linear", "clustering"))


@pytest.fixture
def results(make_result: MakeResult) -> list[Result]:
    return [
        with_run(make_result({"method.transformation": level, "dataset": data}, seed, 0.5 + 0.01 * seed, dataset=data))
        for level in TRANSFORMATIONS
        for data in ("fsdd", "emnist-digits")
        for seed in range(3)
    ]


def with_run(result: Result) -> Result:
    """The result with a second metric, in a run below that of its variant; these are named after the variant."""
    metrics = {**result.metrics, "clustering/nmi": 0.4 + 0.01 * result.seed}
    return replace(result, metrics=metrics, parent=result.variant, run=run_of(result))


def run_of(result: Result) -> str:
    return f"{result.variant}-seed-{result.seed}"


def unlinked(page: Path) -> list[str]:
    """The cells of tables with a mean and its interval that link to no run."""
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page.with_name("report.html").read_text(encoding="utf-8"), re.DOTALL)
    return [cell for cell in cells if "±" in cell and f'href="{RUNS}' not in cell]


def linked(page: Path, variants: Sequence[str]) -> set[str]:
    """Those of the variants whose runs the page links to."""
    text = page.with_name("report.html").read_text(encoding="utf-8")
    return {variant for variant in variants if f'href="{RUNS}{variant}"' in text}


def test_means_pivots_differences_and_other_metrics_of_a_study_link_to_the_variants_runs(
    study: Study, results: list[Result], tmp_path: Path
) -> None:
    report = report_of(study.model_copy(update={"paper": None}), results, runs=RUNS)
    assert report.results.pivots
    assert report.results.other_metrics
    page = write_report(report, tmp_path)
    assert unlinked(page) == []
    variants = {result.variant for result in results}
    assert linked(page, sorted(variants)) == variants


def test_numbers_of_the_answer_and_points_of_figures_link_to_the_variants_runs(
    make_study: MakeStudy, make_result: MakeResult, tmp_path: Path
) -> None:
    levels = (10, 20, 40)
    study = make_study({"axes": {"method.k": levels}})
    scores = {(k, seed): 0.5 + 0.1 * at + 0.003 * seed * (at + 1) for at, k in enumerate(levels) for seed in range(3)}
    results = [with_run(make_result({"method.k": k}, seed, score)) for (k, seed), score in scores.items()]
    page = write_report(report_of(study, results, runs=RUNS), tmp_path)
    answer = page.read_text(encoding="utf-8").partition("## Answer")[2].partition("![")[0]
    runs = {result.trial.levels["method.k"]: f"{RUNS}{result.variant}" for result in results}
    for k in (20, 40):
        assert re.search(rf"k={k} \(by \[[^\]]* ± [^\]]*\]\({re.escape(runs[k])}\), 3 seeds", answer)
    assert re.search(rf"rises by \[[^\]]* ± [^\]]*\]\({re.escape(VARIANTS)}\) per doubling", answer)
    html = page.with_name("report.html").read_text(encoding="utf-8")
    points = re.findall(r'<title>k=(\d+): [^<]*</title>.*?<a xlink:href="([^"]*)"', html, re.DOTALL)
    assert sorted(points) == sorted((str(k), runs[k]) for k in (10, 20, 20, 40, 40))  # of both figures
    for file in ("figure-differences.svg", "figure-1-k.svg"):
        assert "<a " not in (tmp_path / file).read_text(encoding="utf-8")
        assert "variant:" not in (tmp_path / file).read_text(encoding="utf-8")


def test_ranks_and_failed_trials_link_to_their_runs(
    make_study: MakeStudy, make_result: MakeResult, tmp_path: Path
) -> None:
    data = ("fsdd", "digits", "mnist", "cifar10", "cifar100")
    study = make_study({"axes": {"method.transformation": TRANSFORMATIONS, "dataset": data}})
    results = [
        with_run(make_result({"method.transformation": level, "dataset": one}, seed, 0.5 + at / 10, dataset=one))
        for at, level in enumerate(TRANSFORMATIONS)
        for one in data
        for seed in range(3)
    ]
    failed = replace(results[0], state=State.FAILED, metrics={}, reason="diverged")
    text = write_report(report_of(study, [failed, *results[1:]], runs=RUNS), tmp_path).read_text(encoding="utf-8")
    ranks = text.partition("### Ranks on all data sets")[2].partition("\n### ")[0]
    for result in results:
        rank = 2 if result.trial.levels["method.transformation"] == "np" else 1
        assert f"[{rank}]({RUNS}{result.variant})" in ranks
    assert f"[2.00]({VARIANTS})" in ranks
    assert f"]({RUNS}{run_of(failed)}) |" in text.partition("### Failures by cause")[2]


def test_the_score_of_each_seed_links_to_its_own_run(study: Study, results: list[Result], tmp_path: Path) -> None:
    failed = replace(results[0], state=State.FAILED, metrics={}, reason="diverged")
    page = write_report(report_of(study, [failed, *results[1:]], runs=RUNS), tmp_path)
    runs = {run_of(result) for result in results}
    assert linked(page, sorted(runs)) == runs
    assert f"[failed]({RUNS}{run_of(failed)})" in page.read_text(encoding="utf-8")


def test_interactions_link_to_the_variant_with_both_levels_and_trends_to_the_table_of_variants(
    make_study: MakeStudy, make_result: MakeResult, tmp_path: Path
) -> None:
    levels = [{"method.k": k, "method.transformation": how} for k in (10, 20, 40) for how in TRANSFORMATIONS]
    study = make_study({"axes": {"method.k": (10, 20, 40), "method.transformation": TRANSFORMATIONS}})
    results = [
        with_run(make_result(one, seed, 0.5 + 0.01 * at + 0.003 * seed * at))
        for at, one in enumerate(levels)
        for seed in range(3)
    ]
    report = report_of(study, results, runs=RUNS)
    page = write_report(report, tmp_path)
    assert [cell for cell in unlinked(page) if escape(VARIANTS) not in cell] == []
    text = page.read_text(encoding="utf-8")
    for one in report.design.interactions:
        assert f"]({RUNS}{one.variant.key}) |" in text.partition("### Interactions of axes")[2]
        assert {axis: one.variant.levels[axis] for axis in one.levels} == one.levels
    assert len(report.design.interactions) == 2
    assert f"]({VARIANTS})" in text.partition("### Trends")[2].partition("###")[0]


def test_the_confirmation_of_a_search_and_the_importance_of_its_settings_link_to_runs(
    search_study: MakeStudy,
) -> None:
    study = search_study("search.confirm=3")
    settings = [{"method.epsilon": 0.5 + 0.1 * at, "training.learning_rate": 1e-3 * (1 + at)} for at in range(6)]
    trials = [trial for one in settings for trial in resolve_proposal(study, one)]
    fresh = [replace(trial, config=trial.config.seeded(trial.config.seed + 2)) for trial in trials[-4:]]
    results = [
        Result(trial, State.FINISHED, {"linear/accuracy": 0.5 + 0.01 * at}, parent=trial.variant)
        for at, trial in enumerate([*trials, *fresh])
    ]
    section = report_of(study, results, runs=RUNS).results
    for table in (section.confirmation, section.importance):
        cells = [cell for row in table.rows for cell in row if isinstance(cell, Measured)]
        assert cells
        assert all(cell.link.startswith(RUNS.removesuffix("/")) for cell in cells)


def test_without_an_address_of_runs_nothing_links(study: Study, results: list[Result], tmp_path: Path) -> None:
    page = write_report(report_of(study, results), tmp_path)
    assert "<a " not in page.with_name("report.html").read_text(encoding="utf-8")


def test_the_best_proposals_of_a_search_and_its_front_link_to_their_runs(
    search_study: MakeStudy, tmp_path: Path
) -> None:
    study = search_study("search.objectives={linear/accuracy: maximize, train/loss: minimize}")
    results = [
        Result(trial, State.FINISHED, {"linear/accuracy": epsilon, "train/loss": epsilon}, parent=trial.variant)
        for epsilon in (0.5, 1.0)
        for trial in resolve_proposal(study, {"method.epsilon": epsilon, "training.learning_rate": 1e-3})
    ]
    results_section = report_of(study, results, runs=RUNS).results
    for table in (results_section.table, results_section.front):
        assert [cell.link for row in table.rows for cell in row if hasattr(cell, "link")]
        assert all(cell.link.startswith(RUNS) for row in table.rows for cell in row if hasattr(cell, "link"))


def test_both_means_of_two_studies_link_to_the_runs_of_their_studies(
    study: Study, results: list[Result], tmp_path: Path
) -> None:
    other = [replace(result, parent=f"other-{result.variant}") for result in results]
    sides = StudyResults("one", study, tuple(results), RUNS), StudyResults("two", study, tuple(other), RUNS)
    page = write_comparison(compare_studies(*sides), tmp_path)
    variants = {result.variant for result in results}
    every = {*variants, *(f"other-{variant}" for variant in variants)}
    assert linked(page, sorted(every)) == every


def test_our_numbers_on_the_page_of_a_paper_link_to_their_runs_and_those_of_its_text_to_no_machine(
    study: Study, results: list[Result], tmp_path: Path
) -> None:
    page = write_page(page_of("invariant-features", [PaperStudy(study, tuple(results), runs=RUNS)], []), tmp_path)
    variants = {result.variant for result in results}
    assert linked(page, sorted(variants)) == variants
    html = page.with_name("report.html").read_text(encoding="utf-8")
    assert f'href="{escape(VARIANTS)}"' in html  # of the statements
    text = page.read_text(encoding="utf-8")
    assert RUNS not in text
    assert VARIANTS not in text


def test_the_statements_of_a_finding_link_to_the_table_of_its_variants(
    study: Study, results: list[Result], tmp_path: Path
) -> None:
    text = write_report(report_of(study, results, runs=RUNS), tmp_path).read_text(encoding="utf-8")
    statements = text.partition("| statement |")[2].partition("\n\n")[0].splitlines()[2:]
    assert statements
    assert all(f"]({VARIANTS})" in line for line in statements)


def test_numbers_of_many_runs_link_to_the_table_that_a_launch_prints() -> None:
    runs = link_to_run("http://localhost:5000", "7", "")
    assert Links(runs).study == link_to_runs("http://localhost:5000", "7", RANKED)
