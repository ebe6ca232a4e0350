"""What a report states, before it is written in a format."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from ablate.draw.figure_specs import AxisFigure, DifferenceFigure
from ablate.draw.optuna_figures import OptunaFigure
from ablate.papers.reference import Printed
from ablate.reporting.content import report_of
from ablate.reporting.execution import Gap
from ablate.reporting.json import to_json
from ablate.reporting.markdown import to_markdown
from ablate.reporting.paper import Difference
from ablate.reporting.report import Measured
from ablate.stats.estimate import Estimate
from ablate.stats.results import Result
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
MakeResult = Callable[..., Result]
METRIC = "linear/accuracy"
SEARCH = {"trials": 3, "objectives": {METRIC: "maximize"}, "space": {"method.epsilon": {"low": 1, "high": 9}}}
PAPERS = ("paper (± standard deviation)", "ours − paper")


def test_a_row_has_levels_the_estimate_its_std_and_n_and_the_papers_value(study: Study, results: list[Result]) -> None:
    report = report_of(study, results)
    assert report.results.table.head == ("transformation", f"{METRIC} (%)", "std", "n", *PAPERS, "")
    level, measured, std, n, printed, against, baseline = report.results.table.rows[3]
    assert (level, n, baseline) == ("vat", 3, "baseline")
    assert against == "−7 (−1.2 s.e.)"
    assert std == "10"
    estimate = Estimate.of([0.7, 0.8, 0.9])
    assert measured == Measured(estimate, smaller=True, best=True, factor=100.0, scale=estimate.mean or 0.0)
    assert isinstance(printed, Printed)
    assert (printed.value, printed.std) == (86.9, 1.3)
    assert report.results.smaller == (Difference("epochs", 20, 5000), Difference("seeds", 3, 5))


def test_differences_and_a_figure_per_axis_are_specified(study: Study, results: list[Result]) -> None:
    differences, figure = report_of(study, results).figures.results
    assert isinstance(differences.spec, DifferenceFigure)
    assert [row.label for row in differences.spec.rows] == [
        "transformation=np",
        "transformation=rp",
        "transformation=rp+vat",
    ]
    assert (figure.stem, figure.caption) == ("figure-1-transformation", "linear/accuracy by transformation")
    assert isinstance(figure.spec, AxisFigure)
    printed = [member.printed.value for member in figure.spec.members if member.printed is not None]
    assert printed == [0.379, 0.531, 0.847, 0.869]


def test_seeds_without_a_value_are_gaps_by_variant_and_reason(study: Study, results_with_gaps: list[Result]) -> None:
    assert report_of(study, results_with_gaps).execution.gaps == (
        Gap("fsdd, invariant, transformation=np", (0,), "no value: linear/accuracy is nan"),
        Gap("fsdd, invariant, transformation=np", (1, 2), "not run to the end"),
        Gap("fsdd, invariant, transformation=vat", (1, 2), "failed: loss | is nan\nat step 3"),
    )


def test_a_search_has_a_table_of_its_best_variants_and_a_history(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({"design": "search"}, search=SEARCH, seeds=(0,))
    results = [make_result({"method.epsilon": level}, 0, score) for level, score in ((7, 0.5), (2, 0.9), (5, 0.7))]
    report = report_of(study, results)
    assert [row[0] for row in report.results.table.rows] == ["2", "5", "7"]
    assert len(report.results.variants) == 3
    stems = ["figure-1-history", "figure-parallel", "figure-slices", "figure-timeline"]
    assert [figure.stem for figure in report.figures.results] == stems
    history = report.figures.results[0].spec
    assert isinstance(history, OptunaFigure)
    assert [one.value for one in history.stored.trials] == [50.0, 90.0, 70.0], "in %, as its axis says"


def test_a_search_lists_at_most_ten_variants(make_study: MakeStudy, make_result: MakeResult) -> None:
    study = make_study({"design": "search"}, search={**SEARCH, "objectives": {METRIC: "minimize"}}, seeds=(0,))
    report = report_of(study, [make_result({"method.epsilon": level}, 0, level / 100) for level in range(1, 13)])
    assert [row[0] for row in report.results.table.rows] == [str(level) for level in range(1, 11)]


def test_a_wrong_reference_to_a_paper_is_stated_and_nothing_is_compared(
    make_study: MakeStudy, results: list[Result]
) -> None:
    axes = {"method.transformation": ("np", "rp", "rp+vat", "vat")}
    report = report_of(make_study({"axes": axes}, paper={"id": "invariant-features", "table": "X"}), results)
    assert report.paper_problem.startswith("'invariant-features' has no ablation in 'Table X'")
    assert report.paper is None
    assert len(report.results.table.rows) == 4


def test_seeds_whose_training_has_a_fault_are_named(make_study: MakeStudy, make_result: MakeResult) -> None:
    study = make_study({"axes": {"method.epsilon": (1, 2)}})
    spread = {"embedding/std": 0.0004, "embedding/effective_rank": 7.0}
    results = [make_result({"method.epsilon": level}, seed, 0.5) for level in (1, 2) for seed in range(3)]
    for index, relative in ((3, 0.02), (5, 0.01)):
        collapsed = {**spread, "embedding/relative_std": relative, "embedding/collapsed": 1.0}
        results[index] = replace(results[index], metrics={**results[index].metrics, **collapsed})
    results[5] = replace(results[5], metrics={**results[5].metrics, "training/diverged": 1.0})
    report = report_of(study, results)
    assert report.execution.warnings == (
        "epsilon=2, seeds 0, 2: the embeddings have collapsed: their standard deviation is 0.0004, 1.00% of their "
        "length; check the weights of the loss and the learning rate.",
        "epsilon=2, seed 2: training has diverged: the loss ends far above its lowest value; lower the learning rate.",
    )
    assert "## Warnings\n\n- " + "\n- ".join(report.execution.warnings) + "\n\n## Results" in to_markdown(report)
    assert to_json(report)["warnings"] == list(report.execution.warnings)
    assert "## Warnings" not in to_markdown(report_of(study, results[:3]))


def test_methods_without_steps_of_training_have_no_epochs(make_study: MakeStudy, make_result: MakeResult) -> None:
    def epochs(*methods: str) -> list[str]:
        study = make_study({"axes": {"method": methods}})
        results = [make_result({"method": method}, 0, 0.5, method=method) for method in methods]
        return [text for name, text in report_of(study, results).execution.setup if name == "Epochs"]

    assert epochs("pca", "isomap", "random") == []
    assert epochs("pca", "invariant") == ["20"]


@pytest.mark.slow
def test_content_is_built_without_a_drawing_library_or_a_template_engine() -> None:
    program = "import sys, ablate.reporting.content; print(*{name.partition('.')[0] for name in sys.modules})"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {"matplotlib", "jinja2", "torch", "mlflow"} & set(modules) == set()
