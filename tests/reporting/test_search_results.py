"""What a report states of a search: its Pareto front, constraints, and the best settings as a study."""

import csv
import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.events import State
from ablate.planning.resolve import resolve, resolve_proposal
from ablate.reporting.content import report_of
from ablate.reporting.importance import importances_of
from ablate.reporting.json import to_json
from ablate.reporting.markdown import to_markdown
from ablate.reporting.proposals import proposals_of
from ablate.reporting.write import write_report
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
    assert front.head[-2:] == ("linear/accuracy (%, maximize)", "train/loss (minimize)")
    assert [row[0] for row in front.rows] == ["0.5", "1"]
    stems = ["1-history", "3-pareto-front", "parallel", "slices", "timeline", "2-hypervolume"]
    assert [figure.stem.removeprefix("figure-") for figure in report.figures.results] == stems
    assert "### Pareto front" in to_markdown(report)
    assert report_of(search_study(), results(study)).results.front.rows == ()


def recorded(study: Study, count: int, pruned: int = 0) -> list[Result]:
    """Two seeds of so many settings, the first of which were stopped early: ε decides, the learning rate does not."""
    generator = random.Random(0)
    found = []
    for number in range(count):
        epsilon, rate = 10 ** generator.uniform(-0.9, 0.5), 10 ** generator.uniform(-3.9, -2.1)
        for trial in resolve_proposal(study, {"method.epsilon": epsilon, "training.learning_rate": rate}):
            accuracy = 0.9 - 0.1 * math.log(epsilon) ** 2 + generator.gauss(0, 0.005)
            stopped = number < pruned
            state = State.PRUNED if stopped else State.FINISHED
            at = 1000.0 + 10 * number
            found.append(
                Result(
                    trial,
                    state,
                    {} if stopped else {"linear/accuracy": accuracy},
                    seconds=3.0,
                    started=at,
                    ended=at + 4,
                )
            )
    return found


def test_the_importance_of_settings_has_an_interval_by_both_measures(search_study: MakeStudy) -> None:
    study = search_study()
    found = importances_of(study, "linear/accuracy", proposals_of(study, recorded(study, 30)))
    assert [one.path for one in found] == ["method.epsilon", "training.learning_rate"]
    decisive, idle = found
    for measure in ("PED-ANOVA", "fANOVA"):
        low, high = decisive.shares[measure].low, idle.shares[measure].high
        assert sum(one.shares[measure].mean or 0.0 for one in found) == pytest.approx(1)
        assert low is not None
        assert high is not None
        assert 0 <= low <= 1
        assert high >= (idle.shares[measure].mean or 0.0)
    assert (decisive.shares["fANOVA"].low or 0.0) > 0.5
    assert importances_of(study, "linear/accuracy", proposals_of(study, recorded(study, 4))) == ()


def test_each_proposal_is_listed_with_its_state_its_interval_and_its_cost(
    search_study: MakeStudy, tmp_path: Path
) -> None:
    study = search_study()
    report = report_of(study, recorded(study, 4, pruned=1))
    assert report.results.table.head[-1] == "device-seconds"
    write_report(report, tmp_path)
    rows = list(csv.DictReader((tmp_path / "proposals.csv").read_text().splitlines()))
    assert [(row["proposal"], row["state"]) for row in rows] == [
        ("0", "pruned"),
        ("1", "complete"),
        ("2", "complete"),
        ("3", "complete"),
    ]
    assert [float(row["device_seconds"]) for row in rows] == [6.0] * 4
    assert float(rows[1]["linear/accuracy.low"]) < float(rows[1]["linear/accuracy"])
    assert to_json(report)["proposals"][3]["linear/accuracy.n"] == 2


def test_equal_results_of_a_search_write_equal_files(search_study: MakeStudy, tmp_path: Path) -> None:
    study = search_study(TWO)
    for folder in ("first", "second"):
        write_report(report_of(study, results(study)), tmp_path / folder)
    names = sorted(file.name for file in (tmp_path / "first").iterdir())
    assert {"figure-3-pareto-front.png", "figure-contours.svg", "figure-timeline.pdf"} - set(names) == {
        "figure-contours.svg"  # one of the two settings has the same value everywhere
    }
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name


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
