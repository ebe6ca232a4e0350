"""The terminal output of every command; text that looks like markup is printed as it is."""

import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ablate.catalog import CatalogEntry
from ablate.doctor import HealthCheck
from ablate.driver.progress import LaunchProgress
from ablate.driver.status import BatchJob, Status, TrialStatus
from ablate.driver.summary import Summary
from ablate.events import (
    Activity,
    Ended,
    EpochValues,
    ExecutorLost,
    Heartbeat,
    Progress,
    Ready,
    RunsLink,
    Stage,
    StageBegan,
    State,
    Stopping,
)
from ablate.options import Value
from ablate.paths import Store
from ablate.planning.cost import ShapeCost
from ablate.planning.plan import PlannedTrial, Work
from ablate.planning.resources import this_node
from ablate.stats.running import RunningDifference
from ablate.stats.sequential import Looks
from ablate.stats.sequential_power import power_sentence
from ablate.study.labels import Label
from ablate.study.model import Budget, Study
from ablate.study.read import read_study
from ablate.study.words import Quantity
from ablate.testing.plans import plan_of, record_of
from ablate.trial import Config, Trial
from ablate.view import answers, console, entries, live

from .conftest import SMALL

STUDY = f"question: Does [/it] matter?{SMALL}"


def trial(seed: int, level: Value = 0.4) -> Trial:
    return Trial(Config("invariant", "1", {}, "digits", "1", {}, seed), {}, "small", {"method.epsilon": level})


def progress(one: Trial, share: float, epoch: int, activity: Activity = Activity.TRAINING) -> Progress:
    return Progress((one.key,), epoch, share, activity)


def ended(one: Trial, state: State = State.FINISHED, reason: str = "", accuracy: float = 0.5) -> Ended:
    return Ended(one.key, state, reason, {"linear/accuracy": accuracy})


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "small.yaml").write_text(STUDY)
    return read_study(tmp_path / "small.yaml")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """A function that returns what was printed to either stream since its last call."""
    output = io.StringIO()
    for name in ("out", "aside"):
        monkeypatch.setattr(console, name, console.verbatim(file=output, width=120, soft_wrap=name == "out"))

    def look() -> str:
        text = output.getvalue()
        output.seek(0)
        output.truncate()
        return text

    return look


Look = Callable[[], str]


def drawn(launch: LaunchProgress, elapsed: float = 75.0) -> str:
    output = console.verbatim(record=True, width=120, file=io.StringIO())
    output.print(live.drawn(launch, elapsed, 120, 16))
    return output.export_text()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (600, "10 min"),
        (5369, "89 min"),
        (5400, "1 h 30 min"),
        (12000, "3 h 20 min"),
        (100_000, "27 h 47 min"),
    ],
)
def test_a_duration_is_printed_in_the_unit_that_fits(seconds: float, words: str) -> None:
    assert console.span(seconds) == words


def test_the_live_view_shows_running_trials_with_progress_and_time_left(clock: list[float]) -> None:
    trials = [trial(seed) for seed in range(4)]
    launch = LaunchProgress(plan_of(trials, finished=3, failed=1))
    launch.update(Ready(slots=2, nodes=1))
    launch.update(progress(trials[0], 0.0, 0))
    launch.update(progress(trials[1], 0.0, 0))
    clock[0] += 60
    launch.update(EpochValues(trials[0].key, 5, {"train/loss": 0.123456}))
    launch.update(progress(trials[0], 0.25, 5))
    launch.update(progress(trials[1], 1.0, 0, Activity.SCORING))
    launch.update(ended(trials[2]))
    lines = drawn(launch).splitlines()
    first, second = (line.split() for line in lines if line.startswith("epsilon=0.4"))
    assert (first[:2], first[3:]) == (["epsilon=0.4", "0"], ["5", "train/loss", "0.1235", "3", "min"])
    assert (second[:2], second[-1]) == (["epsilon=0.4", "1"], "scoring")
    assert lines[-1].rstrip().startswith("4 of 8 finished, 2 running, 1 waiting, 1 failed, about ")


def test_running_trials_beyond_the_table_are_counted(clock: list[float]) -> None:
    trials = [trial(seed) for seed in range(40)]
    launch = LaunchProgress(plan_of(trials))
    for one in trials[:30]:
        launch.update(progress(one, 0.5, 1))
    text = drawn(launch)
    assert sum("epsilon=0.4" in line for line in text.splitlines()) == 16
    assert "0 of 40 finished, 30 running, 10 waiting, 0 failed" in text


@pytest.mark.parametrize("width", [56, 60, 80, 100, 200])
def test_the_live_view_keeps_seeds_and_numbers_whole_in_a_narrow_terminal(clock: list[float], width: int) -> None:
    one = trial(1234, "a-level-with-a-name-that-is-longer-than-a-narrow-terminal-has-columns")
    launch = LaunchProgress(plan_of([one]))
    launch.update(progress(one, 0.5, 3))
    launch.update(EpochValues(one.key, 3, {"train/invariance": 0.123456}))
    output = console.verbatim(record=True, width=width, file=io.StringIO())
    output.print(live.drawn(launch, 75.0, width, 14))
    (row,) = (line for line in output.export_text().splitlines() if line.startswith("epsi"))
    assert len(row.rstrip()) <= width
    assert {"1234", "0.1235"} <= set(row.split())


def test_the_live_view_fits_the_height_of_the_terminal(clock: list[float]) -> None:
    trials = [trial(seed) for seed in range(40)]
    launch = LaunchProgress(plan_of(trials))
    for one in trials:
        launch.update(progress(one, 0.5, 1))
    output = console.verbatim(record=True, width=60, file=io.StringIO())
    output.print(live.drawn(launch, 75.0, 60, 20 - live.OTHER_LINES))
    assert len(output.export_text().splitlines()) <= 20


def test_what_a_launch_does_between_trials_is_shown_with_its_time(clock: list[float]) -> None:
    launch = LaunchProgress()
    for stage in Stage:
        launch.update(StageBegan(stage))
        clock[0] += 61
        assert drawn(launch).split("\n")[0].rstrip() == f"{stage}  1:01"
    launch.update(Ready(slots=2, nodes=1))
    launch.follow(plan_of([trial(0)]))
    assert drawn(launch).split("\n")[0].startswith("starting workers")


@pytest.mark.parametrize("trials", [0, 3])
@pytest.mark.parametrize("running", [0, 2])
def test_something_moves_within_a_second_whatever_a_launch_does(clock: list[float], trials: int, running: int) -> None:
    launch = LaunchProgress()
    for stage in Stage:
        launch.update(StageBegan(stage))
        assert moves(launch, clock), stage
    every = [trial(seed) for seed in range(trials)]
    launch.update(Ready(slots=2, nodes=1))
    launch.follow(plan_of(every))
    assert moves(launch, clock)
    for one in every[:running]:
        launch.update(progress(one, 0.5, 1))
        assert moves(launch, clock)


def moves(launch: LaunchProgress, clock: list[float]) -> bool:
    """Whether the view differs from that of a second before."""
    before = drawn(launch, clock[0])
    clock[0] += 1.0
    return drawn(launch, clock[0]) != before


def test_the_live_view_of_a_launch_without_trials_shows_zeros() -> None:
    assert "ending Ray" in drawn(LaunchProgress(plan_of()))


def test_trials_that_a_search_has_not_proposed_yet_count_as_waiting(
    clock: list[float], search_study: Callable[..., Study]
) -> None:
    study = search_study().model_copy(update={"budget": Budget(device_hours=4.0)})
    with_budget = LaunchProgress(replace(plan_of(proposals=8), study=study, spent=3600.0))
    assert live.counts(with_budget).endswith("0 failed, 3 of 4 device-hours left")
    launch = LaunchProgress(replace(plan_of(proposals=8), study=search_study()))
    assert live.counts(launch) == "0 of 8 finished, 0 running, 8 waiting, 0 failed"


def test_the_lines_that_are_printed_for_messages() -> None:
    one = trial(0)
    launch = LaunchProgress(plan_of([one]))
    lines = {
        "2 side by side on 1 node": Ready(slots=2, nodes=1),
        "8 side by side on 2 nodes": Ready(slots=8, nodes=2),
        "Ray has died; starting it again": ExecutorLost(),
        "stopping: trials write their checkpoints; Ctrl-C again ends everything at once": Stopping(),
        "finished  epsilon=0.4 · seed 0  linear/accuracy 91.23 %": ended(one, accuracy=0.91234),
        "failed    epsilon=0.4 · seed 0  loss is not finite": ended(one, State.FAILED, "loss is not finite"),
        "pruned    epsilon=0.4 · seed 0  below the median": ended(one, State.PRUNED, "below the median"),
    }
    for line, message in lines.items():
        assert list(live.lines_of(launch, message)) == [line]
    links = live.lines_of(launch, RunsLink("http://host/ranking", "http://host/runs"))
    assert list(links) == ["runs in MLflow: http://host/ranking", "the same, nested: http://host/runs"]
    for silent in (Heartbeat(), ended(one, State.STOPPED), progress(one, 0.5, 1)):
        assert list(live.lines_of(launch, silent)) == []


MARKUP = "RuntimeError: shape [4, 4] of [/tmp/x] is no :smile: [bold]"


def test_without_a_terminal_ends_are_printed_at_once_and_counts_every_ten_seconds(
    study: Study, tmp_path: Path, shown: Look, clock: list[float]
) -> None:
    one = trial(0, "[/red]")
    launch = LaunchProgress(plan_of([one]))
    with live.watching(study, Store(tmp_path), quiet=False) as listen:
        assert shown().splitlines() == [
            "small  Does [/it] matter?",
            f"output of Ray and MLflow: {tmp_path}/studies/small/launch.log",
            "   0:00  reading the study and its data",
        ]
        listen(launch, Heartbeat())
        assert shown() == ""
        listen(launch, ended(one, State.FAILED, MARKUP))
        assert shown() == f"   0:00  failed    epsilon=[/red] · seed 0  {MARKUP}\n"
        clock[0] += live.LINE_EVERY
        listen(launch, Heartbeat())
        listen(launch, Heartbeat())
        assert shown() == "   0:10  0 of 1 finished, 0 running, 1 waiting, 0 failed; starting workers\n"


def test_without_a_terminal_a_launch_says_what_it_does_before_the_first_trial(
    study: Study, tmp_path: Path, shown: Look, clock: list[float]
) -> None:
    launch = LaunchProgress(plan_of([trial(0)]))
    with live.watching(study, Store(tmp_path), quiet=False) as listen:
        shown()
        clock[0] += live.LINE_EVERY
        listen(launch, Heartbeat())
        assert shown() == "   0:10  0 of 1 finished, 0 running, 1 waiting, 0 failed; starting workers\n"


def test_in_a_terminal_the_view_is_live(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    terminal = console.verbatim(file=output, force_terminal=True, width=120)
    monkeypatch.setattr(console, "aside", terminal)
    one = trial(0, "[/red]")
    launch = LaunchProgress(plan_of([one]))
    with live.watching(study, Store(tmp_path), quiet=False) as listen:
        launch.update(progress(one, 0.5, 3))
        listen(launch, Heartbeat())
        launch.update(ended(one, State.FAILED, MARKUP))
        listen(launch, ended(one, State.FAILED, MARKUP))
    assert "epsilon=[/red] · seed 0" in output.getvalue()
    assert MARKUP in output.getvalue()


def test_with_quiet_there_is_no_live_view(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "aside", console.verbatim(file=io.StringIO(), force_terminal=True))
    with live.watching(study, Store(tmp_path), quiet=True) as listen:
        assert isinstance(listen, live.Lines)


def test_a_summary_lists_failures_and_the_commands_to_run_next(study: Study, shown: Look, tmp_path: Path) -> None:
    failed = {"epsilon=[/b] · seed 1": MARKUP}
    summary = Summary(
        4, 3, failed, tmp_path / "launch.log", ran=2, trained=1, scored=1, unsent=1, report=tmp_path / "report.md"
    )
    answers.print_summary(summary, study, as_json=False)
    assert shown().splitlines() == [
        "3 of 4 trials finished, 1 trained and 1 scored in this launch",
        f"failed: epsilon=[/b] · seed 1: {MARKUP}",
        "read why: ablate logs 'epsilon=[/b] · seed 1'",
        "run again: ablate retry small",
        "records of 1 trial wait for MLflow: ablate sync small",
        f"report:   {tmp_path}/report.html",
        "compare:  ablate ui",
    ]


def test_a_summary_repeats_the_store_where_one_was_named(study: Study, shown: Look, tmp_path: Path) -> None:
    summary = Summary(1, 0, {"a": "b"}, tmp_path / "launch.log", unsent=1)
    answers.print_summary(summary, study, as_json=False, storage=Path("my store"))
    assert [line.partition("ablate ")[2] for line in shown().splitlines()[2:]] == [
        "logs 'a' --storage 'my store'",
        "retry small --storage 'my store'",
        "sync small --storage 'my store'",
        "ui --storage 'my store'",
    ]


def test_a_summary_without_trials_is_short(study: Study, shown: Look, tmp_path: Path) -> None:
    answers.print_summary(Summary(0, 0, {}, tmp_path / "launch.log"), study, as_json=False)
    assert shown().splitlines() == ["0 of 0 trials finished", "compare:  ablate ui"]


def test_a_summary_ends_with_the_address_of_the_runs_where_their_server_is_named(
    study: Study, shown: Look, tmp_path: Path
) -> None:
    address = "http://lab.example/mlflow/#/experiments/7/runs?viewStateShareKey=ablate-ranking"
    answers.print_summary(Summary(0, 0, {}, tmp_path / "launch.log", runs=address), study, as_json=False)
    assert shown().splitlines()[-1] == f"compare:  {address}"


def test_a_summary_is_json(study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers.print_summary(Summary(2, 1, {"a": "b"}, tmp_path / "launch.log", ran=2), study, as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert (printed["total"], printed["finished"], printed["failed"], printed["report"]) == (2, 1, {"a": "b"}, "")


def node_line() -> str:
    node = this_node()
    return f"on this machine: {node.cpus:g} cores, {node.gpus:g} GPUs"


def test_a_plan_without_trials_is_shown(shown: Look) -> None:
    answers.print_plan(plan_of(), as_json=False)
    assert shown().splitlines() == [
        "small: 0 trials, 0 finished, 0 failed",
        "0 to run, in 0 groups that train together, 2 side by side",
        node_line(),
    ]


def test_a_plan_names_the_first_trials_and_counts_the_others(shown: Look) -> None:
    left = [trial(0, f"[/{number}]") for number in range(20)]
    cost = ShapeCost(epoch_seconds=400.0, fixed_seconds=200.0, megabytes=3.0)  # they have one epoch
    plan = plan_of(left, finished=4, proposals=6, costs={left[0].shape: cost})
    scored = trial(7)
    plan = replace(plan, trials=(*plan.trials, PlannedTrial(scored, Work.SCORE, record_of(scored))))
    answers.print_plan(plan, as_json=False)
    lines = shown().splitlines()
    assert lines[:5] == [
        "small: 31 trials, 4 finished, 0 failed",
        "1 is trained; only its missing probes run",
        "21 to run and up to 6 that a search proposes, in 27 groups that train together, 2 side by side",
        node_line(),
        # 20 · 600 s, 200 s of scoring and 6 · 400 s: the mean of the two trials that differ in more than their names
        "4.1 device-hours, 2 h 4 min by the clock, 81 MB in MLflow; from finished trials",
    ]
    assert lines[5:] == [*(f"  epsilon=[/{number}] · seed 0" for number in range(16)), "  and 5 more"]


def test_a_plan_says_what_is_left_of_the_budget_and_whether_it_suffices(shown: Look) -> None:
    plan = plan_of([trial(0)], costs={trial(0).shape: ShapeCost(3600.0, 0.0)})
    held = replace(plan, study=plan.study.model_copy(update={"budget": Budget(device_hours=1.5)}))
    answers.print_plan(held, as_json=False)
    assert "budget: 1.5 of 1.5 device-hours left" in shown().splitlines()
    answers.print_plan(replace(held, spent=3600.0), as_json=False)
    lines = shown().splitlines()
    assert "budget: 0.5 of 1.5 device-hours left" in lines
    assert "the budget does not suffice: trials are left when it is spent" in lines
    answers.print_plan(replace(held, spent=6480.0), as_json=False)
    assert "the budget of 1.5 device-hours is spent (1.8): raise 'budget' to go on" in shown().splitlines()
    answers.print_plan(plan_of([trial(0)]), as_json=False)
    assert any(line.startswith("the cost is not known") for line in shown().splitlines())


def test_a_plan_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    answers.print_plan(plan_of([trial(0)]), as_json=True)
    answer = json.loads(capsys.readouterr().out)
    assert (answer["to_run"], answer["node"]["cpus"]) == (["epsilon=0.4 · seed 0"], this_node().cpus)


def test_a_status_shows_counts_and_trials(shown: Look) -> None:
    answers.print_status([], as_json=False)
    assert shown() == "no study was launched in this store; --storage FOLDER names another store\n"
    trials = (
        TrialStatus("k", "epsilon=1 · seed 0", State.FAILED, MARKUP, {}),
        TrialStatus("l", "epsilon=1 · seed 1", State.FINISHED, "", {"train/loss": 1.0, "linear/accuracy": 0.5}),
        TrialStatus("m", "epsilon=1 · seed 2", State.OUT_OF_MEMORY, "CUDA out of memory", {}),
    )
    counts = {State.FINISHED: 1, State.FAILED: 1, State.OUT_OF_MEMORY: 1}
    job = BatchJob("slurm", "12", "running")
    answers.print_status([Status("empty", {}, job=job), Status("small", counts, "process 1", 2, trials)], as_json=False)
    assert shown().splitlines() == [
        "empty: nothing yet",
        "  job 12 of slurm: running",
        "small: 1 failed, 1 finished, 1 out of memory",
        "  launched by process 1",
        f"  k  failed         epsilon=1 · seed 0  {MARKUP}",
        "  l  finished       epsilon=1 · seed 1  linear/accuracy 50 %",
        "  m  out of memory  epsilon=1 · seed 2  CUDA out of memory",
    ]


def test_a_plan_with_a_rule_for_seeds_tells_what_the_rule_finds(shown: Look) -> None:
    plan = plan_of([trial(0)])
    case = {"method": "invariant", "dataset": "digits", "axes": {"method.k": (1, 2)}}
    rule = {**plan.study.model_dump(), "seeds": {"at_least": 3, "at_most": 8}, "cases": (case,)}
    answers.print_plan(replace(plan, study=Study.model_validate(rule)), as_json=False)
    assert power_sentence(Looks(3, 8, 1)) in shown().splitlines()
    answers.print_plan(plan, as_json=False)
    assert "standard deviation" not in shown()


def test_a_status_names_unfinished_trials_of_earlier_settings(shown: Look) -> None:
    answers.print_status([Status("small", {State.FINISHED: 2}, earlier=1)], as_json=False)
    assert shown().splitlines()[1] == "  1 unfinished trial belongs to earlier settings of the study"


def test_a_status_says_what_is_left_of_the_budget(shown: Look) -> None:
    left = Status("small", {State.WAITING: 2}, budget=4.0, budget_left=1.25)
    answers.print_status([left], as_json=False)
    assert shown().splitlines() == ["small: 2 waiting", "  budget: 1.25 of 4 device-hours left"]
    answers.print_status([replace(left, budget_left=-0.5)], as_json=False)
    assert shown().splitlines()[1] == "  the budget of 4 device-hours is spent (4.5): raise 'budget' to go on"
    answers.print_status([replace(left, counts={State.FINISHED: 2}, budget_left=-0.5)], as_json=False)
    assert shown().splitlines()[1] == "  the budget of 4 device-hours is spent (4.5)"  # and nothing is left to run


def test_a_status_warns_of_faults_of_training_and_shows_the_scores_of_probes_only(shown: Look) -> None:
    metrics = {"embedding/collapsed": 1.0, "embedding/std": 0.1, "training/diverged": 1.0, "linear/accuracy": 0.5}
    warnings = ("they have collapsed", "it has diverged")
    trials = (TrialStatus("k", "epsilon=1 · seed 0", State.FINISHED, "", metrics, warnings=warnings),)
    answers.print_status([Status("small", {State.FINISHED: 1}, trials=trials, collapsed=1, diverged=1)], as_json=False)
    assert shown().splitlines()[1:] == [
        "  warning: 1 with collapsed embeddings, 1 whose training has diverged",
        "  k  finished       epsilon=1 · seed 0  linear/accuracy 50 %",
        "    warning: they have collapsed",
        "    warning: it has diverged",
    ]


def test_health_checks_and_entries_are_printed_with_their_details(shown: Look) -> None:
    answers.print_health_checks(
        [HealthCheck("store", True, "[/here]"), HealthCheck("MLflow", False, MARKUP, "start it")], as_json=False
    )
    assert shown().splitlines() == ["ok    store        [/here]", f"look  MLflow       {MARKUP}", "      start it"]
    entry = CatalogEntry("invariant", MARKUP, "arXiv [/1]", (), {"by data set": {"digits": "[/x]"}, "files": []})
    refused = CatalogEntry("mine", MARKUP, details={"refused": MARKUP})
    entries.print_entries([entry, refused], as_json=False)
    assert shown().splitlines() == [f"invariant  {MARKUP}", f"refused  {MARKUP}"]
    entries.print_entry(entry, as_json=False)
    assert shown().splitlines() == [
        f"invariant  {MARKUP}",
        "arXiv [/1]",
        "by data set:",
        "  digits: [/x]",
    ]


def test_values_of_an_entry_are_written_as_in_a_study_file(shown: Look) -> None:
    details = {"training": {"nesterov": True, "margin": None}, "not covered": {}}
    entries.print_entry(CatalogEntry("mine", "own", details=details), as_json=False)
    assert shown().splitlines() == ["mine  own", "training:", "  nesterov: true", "  margin: null"]


def test_a_launch_and_a_status_show_the_difference_from_the_baseline_so_far(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.yaml").write_text(STUDY, encoding="utf-8")
    read = read_study(tmp_path / "small.yaml")
    trials = [
        Trial(
            Config("invariant", "1", {"epsilon": level}, "digits", "1", {}, seed),
            {},
            "small",
            {"method.epsilon": level},
        )
        for level in (0.4, 0.8)
        for seed in (0, 1)
    ]
    launch = LaunchProgress(replace(plan_of(trials), study=read))
    for one, accuracy in zip(trials, (0.5, 0.5, 0.6, 0.62), strict=True):
        launch.update(ended(one, accuracy=accuracy))
    (found,) = launch.compare()
    assert (found.label, found.baseline, found.n) == ("epsilon=0.8", "epsilon=0.4", 2)
    line = "linear/accuracy so far: epsilon=0.8: +11 ± 13 percentage points from the baseline epsilon=0.4, 2 seeds"
    shown = io.StringIO()
    console.verbatim(file=shown, width=120).print(live.drawn(launch, 0.0, 120, 20))
    assert line in shown.getvalue()
    answers.print_status([Status("small", {}, metric="linear/accuracy", comparison=(found,))], as_json=False)
    assert line in capsys.readouterr().out


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (95, "kNN accuracy so far: ε=0.8, τ=0.5: −0.12 ± 0.13 percentage points from the baseline, 3 seeds"),
        (65, "so far: ε=0.8, τ=0.5: −0.12 ± 0.13 percentage points, 3 seeds"),
        (45, "ε=0.8, τ=0.5: −0.12 ± 0.13 percentage points"),
        (42, "ε=0.…τ=0.5: −0.12 ± 0.13 percentage points"),
    ],
)
def test_a_difference_keeps_its_variant_sign_and_number_in_a_narrow_terminal(width: int, line: str) -> None:
    quantity = Quantity("kNN accuracy", "kNN accuracy", "%")
    found = RunningDifference("ε=0.8, τ=0.5", "ε=0.4, τ=0.5", -0.0012, 0.0013, 3, quantity)
    assert list(answers.comparison_lines([found], 1, width)) == [line]


@pytest.mark.parametrize(("width", "ends"), [(65, "0:07 elapsed"), (55, "0:07")])
def test_the_counts_of_a_launch_stay_on_one_line_of_a_narrow_terminal(width: int, ends: str) -> None:
    launch = LaunchProgress(plan_of([trial(0)], finished=1))
    launch.update(ended(trial(0)))
    shown = io.StringIO()
    console.verbatim(file=shown, width=width).print(live.drawn(launch, 7.0, width, 20))
    assert shown.getvalue().splitlines()[-1] == f"2 of 2 finished, 0 running, 0 waiting, 0 failed, {ends}"


@pytest.mark.parametrize(
    ("text", "lines"), [("four words of text", ["four words", "of text"]), ("x x " + "y" * 20, ["x x " + "y" * 20])]
)
def test_lines_break_between_words_in_a_terminal_and_paths_stay_whole(
    monkeypatch: pytest.MonkeyPatch, text: str, lines: list[str]
) -> None:
    terminal = console.verbatim(file=io.StringIO(), record=True, force_terminal=True, width=12)
    monkeypatch.setattr(console, "aside", terminal)
    console.print_aside(text)
    assert [line.rstrip() for line in terminal.export_text().splitlines()] == lines


LABELS = {
    "method.epsilon": Label(label="ε", unit="pixels", levels={"0.4": "small"}),
    "linear/accuracy": Label(label="accuracy of a probe"),
    "train/loss": Label(label="loss/step"),
}


@pytest.mark.parametrize("width", [56, 120])
def test_the_live_view_and_a_plan_have_the_labels_and_json_the_names(
    clock: list[float], shown: Look, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    one, other = trial(0, 0.4), trial(1, 0.8)
    unlabelled = plan_of([one, other])
    plan = replace(unlabelled, study=unlabelled.study.model_copy(update={"labels": LABELS}))
    launch = LaunchProgress(plan)
    launch.update(EpochValues(one.key, 3, {"train/loss": 0.5}))
    output = console.verbatim(record=True, width=width, file=io.StringIO())
    output.print(live.drawn(launch, 75.0, width, 14))
    assert "loss/step 0.5" in output.export_text(clear=False)
    assert "ε=small pixels" in output.export_text()
    (line,) = live.lines_of(launch, ended(other, accuracy=0.6546))
    assert line == "finished  ε=0.8 pixels · seed 1  accuracy of a probe 65.46 %"
    answers.print_plan(plan, as_json=False)
    assert shown().splitlines()[-2:] == ["  ε=small pixels · seed 0", "  ε=0.8 pixels · seed 1"]
    answers.print_plan(plan, as_json=True)
    assert json.loads(capsys.readouterr().out)["to_run"] == [one.name, other.name]
