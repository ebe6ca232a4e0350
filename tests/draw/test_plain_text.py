"""No text of a study is read as mathematics, in any figure."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from ablate.draw.canvas import png
from ablate.draw.curve_specs import CurveFigure, CurvePanel, CurveSeries
from ablate.draw.embedding import draw_embedding
from ablate.draw.figure_specs import (
    ComparedVariant,
    HistoryFigure,
    RankFigure,
    ReportSpec,
    axis_figure,
    difference_figure,
)
from ablate.draw.images import draw_images
from ablate.draw.matrix import draw_matrix
from ablate.draw.optuna_figures import OptunaFigure
from ablate.draw.report_figures import draw_figure
from ablate.draw.vector import pdf, svg
from ablate.probes.probe import Matrix
from ablate.reporting.content import report_of
from ablate.stats.across_datasets import Ranking
from ablate.stats.comparisons import compare_with_baselines
from ablate.stats.estimate import Estimate
from ablate.stats.results import Result
from ablate.stats.variants import variants_of
from ablate.study.model import Study

MATH = "$x^{$"  # as mathematics it cannot be parsed
LEVELS = (MATH, "$a_b$", "cost $5")
METRIC = "linear/accuracy"
PLOTS = {
    "plot_optimization_history": {"target_name": MATH},
    "plot_parallel_coordinate": {"target_name": MATH},
    "plot_slice": {"target_name": MATH},
    "plot_contour": {"target_name": MATH},
    "plot_timeline": {},
}


@pytest.fixture
def grid(make_study: Callable[..., Study], make_result: Callable[..., Result]) -> tuple[Study, list[Result]]:
    axes = {"method.transformation": LEVELS, "method.how": LEVELS[:2], "dataset": LEVELS[:2]}
    results = [
        make_result(
            {"method.transformation": level, "method.how": how, "dataset": data}, seed, 0.1 * seed, dataset=data
        )
        for level in LEVELS
        for how in LEVELS[:2]
        for data in LEVELS[:2]
        for seed in range(3)
    ]
    return make_study({"axes": axes}), results


def search_of(*names: str) -> optuna.Study:
    """A search of settings with such names and choices, which has ended."""
    study = optuna.create_study()
    for number in range(6):
        spaces = {name: optuna.distributions.CategoricalDistribution(LEVELS) for name in names}
        params = {name: LEVELS[(number + at) % len(LEVELS)] for at, name in enumerate(names)}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=spaces, value=float(number)))
    return study


def search_of_two_objectives() -> optuna.Study:
    study = optuna.create_study(directions=["minimize", "maximize"])
    for number in range(4):
        study.add_trial(optuna.trial.create_trial(values=[float(number), float(number % 3)]))
    return study


def specs(study: Study, results: list[Result]) -> list[ReportSpec]:
    variants = variants_of(study, results, METRIC)
    compared = [ComparedVariant(variant) for variant in variants]
    curve = CurveSeries(MATH, {epoch: Estimate.of([10.0**-epoch, 2 * 10.0**-epoch]) for epoch in range(4)})
    stored = search_of(MATH, "$b_{$")
    return [
        axis_figure(study, compared, "method.transformation", MATH),
        difference_figure(MATH, compare_with_baselines(variants, 1)),
        CurveFigure((CurvePanel(MATH, (curve,)),)),
        HistoryFigure(MATH, "maximize", ((1, 0.1), (2, 0.2))),
        RankFigure(Ranking(LEVELS, LEVELS[:2], ((1.0, 1.0), (2.0, 2.0), (3.0, 3.0)))),
        *(OptunaFigure(plot, stored, options) for plot, options in PLOTS.items()),
        OptunaFigure("plot_pareto_front", search_of_two_objectives(), {"target_names": [MATH, "$b_{$"]}),
    ]


def test_no_text_of_a_study_is_read_as_mathematics_in_the_figures_of_a_report(
    grid: tuple[Study, list[Result]],
) -> None:
    for spec in specs(*grid):
        drawn = draw_figure(spec)
        assert png(drawn)
        assert pdf(drawn)
        text = svg(drawn).decode()
        if not (isinstance(spec, OptunaFigure) and spec.plot == "plot_timeline"):  # which has no text of the study
            assert MATH in text, spec


def test_every_figure_of_a_report_is_tested(grid: tuple[Study, list[Result]]) -> None:
    assert {type(spec) for spec in specs(*grid)} == set(ReportSpec.__args__)
    assert report_of(*grid).figures.results


def test_numbers_at_logarithmic_ticks_are_written_without_mathematics(grid: tuple[Study, list[Result]]) -> None:
    (curves,) = [spec for spec in specs(*grid) if isinstance(spec, CurveFigure)]
    text = svg(draw_figure(curves)).decode()
    assert ">0.01<" in text
    assert "mathdefault" not in text


@pytest.mark.parametrize("kind", ["embedding", "images", "matrix"])
def test_no_text_of_a_trial_is_read_as_mathematics_in_its_pictures(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    values: Any = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    if kind == "embedding":
        draw_embedding(values, np.arange(6) % 2, file, MATH)
    elif kind == "images":
        draw_images(np.zeros((2, 3, 1, 8, 8), np.float32), file, MATH, LEVELS[:2])
    else:
        draw_matrix(Matrix(values[:3, :3], LEVELS, LEVELS, -1.0, 1.0), file, MATH)
    assert file.stat().st_size > 1000
