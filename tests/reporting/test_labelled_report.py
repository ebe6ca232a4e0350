"""A report in the words and units of its study's `labels`."""

from collections.abc import Callable
from typing import Any

import pytest

from ablate.draw.figure_specs import AxisFigure, DifferenceFigure
from ablate.draw.report_figures import draw_figure
from ablate.reporting.content import report_of
from ablate.reporting.json import to_json
from ablate.reporting.latex import to_latex
from ablate.reporting.markdown import to_markdown
from ablate.reporting.report import Report
from ablate.stats.results import Result
from ablate.stats.running import running_differences
from ablate.study.model import Study
from ablate.view.answers import comparison_lines

LABELS = {
    "method.transformation": {"label": "perturbation", "levels": {"vat": "adversarial"}},
    "method.epsilon": {"label": "ε", "unit": "pixels"},
    "linear/accuracy": {"label": "accuracy of a linear probe", "unit": "%"},
}
SCORES = {"rp": (0.70, 0.72, 0.74), "vat": (0.80, 0.83, 0.83)}  # differences 0.10, 0.11, 0.09
METRIC = "linear/accuracy"


@pytest.fixture
def study(make_study: Callable[..., Study]) -> Study:
    return make_study({"axes": {"method.transformation": ("rp", "vat")}}, labels=LABELS, margin=0.01)


@pytest.fixture
def results(make_result: Callable[..., Result]) -> list[Result]:
    return [
        make_result({"method.transformation": level}, seed, score)
        for level, scores in SCORES.items()
        for seed, score in enumerate(scores)
    ]


def figure(report: Report, kind: type) -> Any:
    return draw_figure(next(one.spec for one in report.figures.results if isinstance(one.spec, kind)))


def test_the_answer_has_the_words_of_the_study_and_differences_in_percentage_points(
    study: Study, results: list[Result]
) -> None:
    assert report_of(study, results).answer == (
        "perturbation matters for accuracy of a linear probe: perturbation=adversarial beats the baseline, "
        "perturbation=rp.",
        "Compared with the baseline perturbation=rp, accuracy of a linear probe is higher for perturbation=adversarial "
        "(by 10.0 ± 2.5 percentage points, 3 seeds, p = 0.003 after Holm).",
    )


def test_tables_have_the_words_and_the_unit(study: Study, results: list[Result]) -> None:
    report = report_of(study, results)
    text = to_markdown(report)
    assert "| perturbation | accuracy of a linear probe (%) | std | n |  |" in text
    assert "| adversarial | **82 ± 4** | 1.7 | 3 |" in text
    assert "| perturbation | difference (percentage points) |" in text
    assert "| adversarial | 10.0 ± 2.5 |" in text
    assert METRIC not in text
    assert r"accuracy of a linear probe (\%)" in to_latex(report)


def test_numbers_for_programs_are_as_they_are_stored(study: Study, results: list[Result]) -> None:
    content = to_json(report_of(study, results))
    assert content["metric"] == METRIC
    assert content["variants"][1]["mean"] == pytest.approx(0.82)
    assert content["variants"][1]["levels"] == {"method.transformation": "vat"}


def test_figures_have_the_words_at_axes_and_levels(study: Study, results: list[Result]) -> None:
    report = report_of(study, results)
    drawn = figure(report, AxisFigure)
    (axes,) = drawn.axes
    assert (axes.get_xlabel(), drawn.get_supylabel()) == ("perturbation", "accuracy of a linear probe (%)")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["rp", "adversarial"]
    differences = figure(report, DifferenceFigure)
    name = "accuracy of a linear probe minus that of perturbation=rp (percentage points)"
    assert differences.axes[0].get_xlabel().replace("\n", " ") == name
    legend = [text.get_text() for text in differences.legends[0].get_texts()]
    assert "± 1, the study's margin" in legend


def test_an_axis_of_numbers_has_its_unit(make_study: Callable[..., Study], make_result: Callable[..., Result]) -> None:
    study = make_study({"axes": {"method.epsilon": (1, 2)}}, labels=LABELS)
    results = [make_result({"method.epsilon": level}, seed, 0.1 * level) for level in (1, 2) for seed in range(3)]
    report = report_of(study, results)
    assert figure(report, AxisFigure).axes[0].get_xlabel() == "ε (pixels)"
    assert "| ε (pixels) | accuracy" in to_markdown(report)


def test_the_live_view_has_the_words(study: Study, results: list[Result]) -> None:
    scores = [(result.trial, result.metrics[METRIC]) for result in results]
    (line,) = comparison_lines(running_differences(study, scores), most=3)
    assert line == (
        "accuracy of a linear probe so far: perturbation=adversarial: "
        "+10.0 ± 2.5 percentage points from the baseline perturbation=rp, 3 seeds"
    )
