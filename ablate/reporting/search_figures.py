"""The figures of a search: history, Pareto front, parallel coordinates, slices, contours and timeline."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ablate.draw.optuna_figures import ROW, OptunaFigure
from ablate.reporting.importance import Importance
from ablate.reporting.optuna_study import optuna_study
from ablate.reporting.proposals import Proposal
from ablate.reporting.report import ReportFigure
from ablate.study.model import Study

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

MOST_CONTOURS, MOST_SLICES, MOST_LINES = 2, 8, 10  # settings in a figure, the most important ones
MOST_OF_A_FRONT = 3  # objectives that can be drawn


def search_figures(
    study: Study, metric: str, proposals: Sequence[Proposal], importances: Sequence[Importance]
) -> Iterator[ReportFigure]:
    """The figures of a search, as far as its proposals have ended."""
    if study.search is None:
        return
    stored, several = optuna_study(study, proposals), len(study.search.objectives) > 1
    if not any(one.values is not None for one in stored.get_trials(deepcopy=False)):
        return
    options: dict[str, Any] = {"target_name": study.words.quantity(metric).head}
    if several:
        options["target"] = value_at(list(study.search.objectives).index(metric))
    yield ReportFigure(
        "figure-1-history",
        "History: each proposal, and the best so far",
        OptunaFigure("plot_optimization_history", stored, options),
    )
    if several:
        yield from front_figure(study, stored)
    yield from settings_figures(study, stored, options, [one.path for one in importances])
    yield ReportFigure(
        "figure-timeline", "Timeline: when the proposals ran, and how they ended", OptunaFigure("plot_timeline", stored)
    )


def settings_figures(
    study: Study, stored: "optuna.Study", options: dict[str, Any], ranked: Sequence[str]
) -> Iterator[ReportFigure]:
    """Parallel coordinates, slices and contours, of the most important settings where there are many."""
    assert study.search is not None
    varied = {path for one in stored.trials for path in one.params if differs(stored, path)}
    paths = [path for path in dict.fromkeys([*ranked, *study.search.space]) if path in varied]
    if not paths:
        return
    lines = {**options, "params": paths[:MOST_LINES]}
    yield ReportFigure(
        "figure-parallel",
        "Parallel coordinates: a line for each proposal",
        OptunaFigure("plot_parallel_coordinate", stored, lines),
    )
    slices = {**options, "params": paths[:MOST_SLICES]}
    yield ReportFigure(
        "figure-slices", f"Slices: {options['target_name']} by each setting", OptunaFigure("plot_slice", stored, slices)
    )
    pairs = paths[:MOST_CONTOURS]
    if len(pairs) > 1:
        height = ROW if len(pairs) == 2 else 2 * ROW
        contours = OptunaFigure("plot_contour", stored, {**options, "params": pairs}, height)
        yield ReportFigure("figure-contours", f"Contours: {options['target_name']} by two settings each", contours)


def front_figure(study: Study, stored: "optuna.Study") -> Iterator[ReportFigure]:
    """The Pareto front, where it can be drawn."""
    assert study.search is not None
    names = [study.words.quantity(metric).head for metric in study.search.objectives]
    if len(names) <= MOST_OF_A_FRONT:
        front = OptunaFigure("plot_pareto_front", stored, {"target_names": names}, ROW * 1.2)
        yield ReportFigure("figure-3-pareto-front", "Pareto front: the objectives of all proposals", front)


def differs(stored: "optuna.Study", path: str) -> bool:
    """Whether the proposals have more than one value of a setting."""
    return len({str(one.params[path]) for one in stored.get_trials(deepcopy=False) if path in one.params}) > 1


def value_at(place: int) -> "Callable[[FrozenTrial], float]":
    """A function that returns the value of one of several objectives."""
    return lambda trial: float(trial.values[place])
