"""A study with a budget: trials are handed out until it is spent, over all of its launches."""

from ablate.events import BudgetLeft, State
from ablate.record import DEVICE_SECONDS

from .launches import STUDY, Launches


def test_a_launch_stops_at_its_budget_and_a_larger_one_runs_what_is_left(launches: Launches) -> None:
    tiny = launches.read(STUDY, "budget.device_hours=1e-7")  # spent by the first trial
    summary = launches.launch(tiny)
    assert (summary.finished, summary.total, summary.stopped) == (1, 4, False)
    assert summary.budget == 1e-7
    assert summary.budget_left is not None
    assert summary.budget_left < 0
    (told,) = [message for message in launches.messages if isinstance(message, BudgetLeft)]
    assert told.device_seconds < 0
    assert told.waiting == 3
    (record,) = launches.records.values()
    assert record.state is State.FINISHED
    assert record.device_seconds == record.usage[DEVICE_SECONDS] > 0
    report = (launches.paths.report / "report.md").read_text(encoding="utf-8")
    assert "1 of 4 trials have ended" in report
    assert "device-hours of a budget of 1e-07 for 1 trial" in report

    again = launches.launch(tiny)  # what the finished trial took counts: nothing is left to spend
    assert (again.finished, again.ran) == (1, 0)
    rest = launches.launch(launches.read(STUDY, "budget.device_hours=10"))
    assert (rest.finished, rest.ran) == (4, 3)
    assert rest.budget_left is not None
    assert 9.9 < rest.budget_left < 10.0
