"""What a report states of a search: its Pareto front, constraints, and the best settings as a study."""

from collections.abc import Callable
from pathlib import Path

from ablate.events import State
from ablate.planning.resolve import resolve, resolve_proposal
from ablate.reporting.content import report_of
from ablate.reporting.markdown import to_markdown
from ablate.stats.results import Result
from ablate.study.model import Study
from ablate.study.read import read_study

MakeStudy = Callable[..., Study]
TWO = "search.objectives={linear/accuracy: maximize, train/loss: minimize}"
SCORES = {0.5: (0.9, 3.0), 1.0: (0.8, 1.0), 2.0: (0.7, 2.0)}  # ε → accuracy, loss


def results(study: Study) -> list[Result]:
    """Two seeds of three settings, of which the last is dominated by the second."""
    found = []
    for epsilon, (accuracy, loss) in SCORES.items():
        for trial in resolve_proposal(study, {"method.epsilon": epsilon, "training.learning_rate": 1e-3}):
            add = 0.01 * trial.config.seed
            found.append(Result(trial, State.FINISHED, {"linear/accuracy": accuracy + add, "train/loss": loss + add}))
    return found


def test_the_report_of_two_objectives_shows_their_pareto_front_with_intervals(search_study: MakeStudy) -> None:
    study = search_study(TWO)
    report = report_of(study, results(study))
    front = report.results.front
    assert front.head[-2:] == ("linear/accuracy (maximize)", "train/loss (minimize)")
    assert [row[0] for row in front.rows] == ["0.5", "1"]
    assert [figure.stem for figure in report.figures] == ["figure-1-history", "figure-2-hypervolume"]
    assert "### Pareto front" in to_markdown(report)
    assert report_of(search_study(), results(study)).results.front.rows == ()


def test_settings_that_break_a_constraint_are_not_among_the_best(search_study: MakeStudy) -> None:
    study = search_study("search.constraints=['train/loss <= 2.5']")
    report = report_of(study, results(study))
    assert [row[0] for row in report.results.table.rows] == ["1", "2"]
    assert "Settings that break a constraint (train/loss" in to_markdown(report)


def test_the_best_settings_are_a_study_with_the_trials_of_the_best_proposal(
    search_study: MakeStudy, tmp_path: Path
) -> None:
    study = search_study()
    (tmp_path / "best.yaml").write_text(report_of(study, results(study)).results.best)
    best = read_study(tmp_path / "best.yaml")
    assert best.name == f"{study.name}-best"
    assert [trial.key for trial in resolve(best)] == [result.key for result in results(study)[:2]]
