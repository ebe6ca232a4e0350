"""Prints the results of the commands about studies and about this machine, as text or as JSON."""

import itertools
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from ablate.codec import to_plain
from ablate.draw.labels import without_middle
from ablate.draw.numbers import number, signed, with_error
from ablate.events import State, probe_reasons
from ablate.plural import counted
from ablate.study.model import Study
from ablate.view import console
from ablate.view.console import print_json, scores, span, values

if TYPE_CHECKING:
    from ablate.doctor import HealthCheck
    from ablate.driver.logs import TrialLog
    from ablate.driver.status import Status
    from ablate.driver.summary import Summary
    from ablate.planning.plan import Plan
    from ablate.planning.resources import Node
    from ablate.planning.valid_study import ValidStudy
    from ablate.stats.running import RunningDifference

NO_STUDY = "no study was launched in this store; --storage FOLDER names another store"
SHOWN = 16  # trials that a plan names
LEAST_NAME = 8  # letters that a variant's name keeps where a line is short


def print_summary(summary: "Summary", study: Study, as_json: bool, storage: Path | None = None) -> None:
    """The result of a launch, and the commands that follow it, for the same store."""
    if as_json:
        print_json({**vars(summary), "report": str(summary.report or ""), "log": str(summary.log)})
        return
    store = f" --storage {shlex.quote(str(storage))}" if storage is not None else ""
    parts = [f"{summary.trained} trained"] * (summary.trained > 0) + [f"{summary.scored} scored"] * (summary.scored > 0)
    done = f", {' and '.join(parts)} in this launch" if parts else ""
    console.out.print(f"{summary.finished} of {counted(summary.total, 'trial')} finished{done}")
    if summary.budget is not None and summary.budget_left is not None:
        console.out.print(budget_line(summary.budget, summary.budget_left))
    if summary.pruned:
        console.out.print(f"{counted(summary.pruned, 'trial was', 'trials were')} stopped early by the pruner")
    for name, reason in summary.failed.items():
        console.out.print(f"failed: {name}: {reason}")
    for name, reason in summary.failed_probes.items():
        console.out.print(f"without scores: {name}: {reason}")
    if summary.flawed:
        one = next(iter({**summary.failed, **summary.failed_probes}))
        console.out.print(f"read why: ablate logs '{one}'{store}")
        console.out.print(f"run again: ablate retry {study.name}{store}")
    if summary.unsent:
        unsent = counted(summary.unsent, "trial")
        console.out.print(f"records of {unsent} wait for MLflow: ablate sync {study.name}{store}")
    if summary.report:
        console.out.print(f"report:   {summary.report.with_suffix('.html')}")
    console.out.print(f"compare:  {summary.runs or f'ablate ui{store}'}")


def print_plan(plan: "Plan", as_json: bool) -> None:
    from ablate.planning.resources import this_node

    nodes = plan.nodes or (this_node(),)
    if as_json:
        print_json(plan_as_json(plan, nodes))
        return
    parts = plan_counts(plan), plan_pruner(plan), plan_places(plan, nodes), plan_cost(plan), plan_trials(plan)
    for line in itertools.chain(*parts):
        console.out.print(line)


def plan_counts(plan: "Plan") -> Iterator[str]:
    """How many trials have ended, lack scores, run, and are left to score or to run, in lines."""
    from ablate.planning.design import count_confirming
    from ablate.planning.plan import Work

    works = plan.works()
    finished, failed = plan.count(State.FINISHED), len(plan.failed)
    total = f"{len(plan.trials)} to {plan.total}" if plan.study.seed_rule and plan.proposals else plan.total
    yield f"{plan.study.name}: {total} trial{'' if plan.total == 1 else 's'}, {finished} finished, {failed} failed"
    if plan.failed_probes:
        lacking = counted(len(plan.failed_probes), "lacks", "lack")
        yield f"{lacking} the scores of a probe that failed: ablate retry"
    if works[Work.RUNNING]:
        running = counted(works[Work.RUNNING], "is", "are")
        yield f"{running} running: ablate status {plan.study.name} shows in which launch"
    if works[Work.SCORE]:
        trained = counted(works[Work.SCORE], "is trained; only its", "are trained; only their")
        yield f"{trained} missing probes run"
    adds = "that undecided comparisons add" if plan.study.seed_rule else "that a search proposes"
    more = f" and up to {plan.proposals} {adds}" if plan.proposals else ""
    if plan.proposals and (confirming := count_confirming(plan.study)):
        more += f" ({confirming} of them to confirm its best with fresh seeds)"
    groups = counted(plan.pack_count, "group that trains together", "groups that train together")
    yield f"{len(plan.left)} to run{more}, in {groups}, {plan.slots} side by side"
    if plan.study.seed_rule is not None:
        yield from plan_power(plan.study)


def plan_power(study: Study) -> Iterator[str]:
    """What the rule that adds seeds finds, in a line."""
    from ablate.planning.design import count_comparisons
    from ablate.stats.sequential import Looks
    from ablate.stats.sequential_power import power_sentence

    rule = study.seed_rule
    assert rule is not None
    if sentence := power_sentence(Looks(rule.at_least, rule.at_most, count_comparisons(study))):
        yield sentence


def plan_pruner(plan: "Plan") -> Iterator[str]:
    """By what trials are stopped early, and how often each is scored for that before its end, in a line."""
    from ablate.planning.early_stopping import compared_by, scored_epochs, trained_epochs

    pruner = plan.study.early_stopping
    if pruner is None:
        return
    metric = compared_by(plan.study)
    yield f"variants may be stopped early by {pruner.kind}, on {metric}"
    scores = sum(scored_epochs(pruner, trained_epochs(planned.trial)) for planned in plan.left)
    if scores:
        counted_scores = counted(scores, "score", "scores")
        yield f"that takes up to {counted_scores} by {metric.partition('/')[0]} more, every {pruner.probe_every} epochs"


def plan_places(plan: "Plan", nodes: "Sequence[Node]") -> Iterator[str]:
    """Where the trials would run, and how long that takes, in lines."""
    where = nodes[0].name if len(nodes) == 1 else f"{len(nodes)} nodes"
    cores, gpus = sum(node.cpus for node in nodes), sum(node.gpus for node in nodes)
    yield f"on {where}: {counted(cores, 'core')}, {counted(gpus, 'GPU')}"


def plan_cost(plan: "Plan") -> Iterator[str]:
    """What the plan costs, as far as that is known, and what is left of the budget, in lines."""
    estimate = plan.estimate if plan.left or plan.proposals else None
    if estimate is not None:
        most = "up to " if plan.proposals and plan.study.seed_rule else ""
        sources = ["finished trials"] * (estimate.recorded > 0) + ["a few steps timed here"] * (estimate.measured > 0)
        disk = f", {estimate.megabytes:,.0f} MB in MLflow" if estimate.megabytes else ""  # else it is unknown
        yield (
            f"{most}{hours(estimate.device_seconds)}, {span(estimate.seconds)} by the clock{disk}; "
            f"from {' and '.join(sources) or 'trials of this kind'}"
        )
    elif plan.left or plan.proposals:
        yield "the cost is not known: no trial of some kind has finished, and none was timed"
    if plan.study.budget is not None and plan.budget_left is not None:
        yield budget_line(plan.study.budget.device_hours, plan.budget_left / 3600)
        if estimate is not None and estimate.device_seconds > max(0.0, plan.budget_left):
            yield "the budget does not suffice: trials are left when it is spent"


def hours(seconds: float) -> str:
    """Device-hours in words: `0.25 device-hours`."""
    return f"{seconds / 3600:.2g} device-hours" if seconds < 360_000 else f"{seconds / 3600:,.0f} device-hours"


def budget_line(device_hours: float, left: float, waiting: bool = True) -> str:
    """What is left of a budget, both in device-hours, and the remedy where trials are `waiting` and nothing is."""
    spent = device_hours - left
    if left <= 0:
        remedy = ": raise 'budget' to go on" if waiting else ""
        return f"the budget of {device_hours:g} device-hours is spent ({spent:.3g}){remedy}"
    return f"budget: {left:.3g} of {device_hours:g} device-hours left"


def plan_trials(plan: "Plan") -> Iterator[str]:
    """The names of the first trials that are to run, in the words of the study, in lines."""
    left = [plan.study.words.trial(planned.trial) for planned in plan.left]
    for name in left[:SHOWN]:
        yield f"  {name}"
    if len(left) > SHOWN:
        yield f"  and {len(left) - SHOWN} more"


def plan_as_json(plan: "Plan", nodes: "Sequence[Node]") -> dict[str, Any]:
    from ablate.planning.plan import Work

    works, estimate = plan.works(), plan.estimate
    return {
        "study": plan.study.name,
        "trials": plan.total,
        "finished": plan.count(State.FINISHED),
        "failed": len(plan.failed),
        "failed_probes": plan.failed_probes,
        "running": works[Work.RUNNING],
        "to_score": works[Work.SCORE],
        "to_run": names_left(plan),
        "to_propose": plan.proposals,
        "at_least": len(plan.trials),
        "at_most": plan.total,
        "packs": plan.pack_count,
        "slots": plan.slots,
        "node": to_plain(nodes[0]),
        "nodes": [to_plain(node) for node in nodes],
        "seconds": estimate.seconds if estimate is not None else None,
        "device_hours": estimate.device_seconds / 3600 if estimate is not None else None,
        "megabytes": estimate.megabytes if estimate is not None else None,
        "budget_left": plan.budget_left / 3600 if plan.budget_left is not None else None,
    }


def names_left(plan: "Plan") -> list[str]:
    """The names of the trials that are to run, as commands take them."""
    return [planned.trial.name for planned in plan.left]


def print_status(found: Sequence["Status"], as_json: bool) -> None:
    if as_json:
        print_json([to_plain(status) for status in found])
        return
    if not found:
        console.out.print(NO_STUDY)
    for status in found:
        states = ", ".join(f"{count} {state}" for state, count in sorted(status.counts.items())) or "nothing yet"
        console.out.print(f"{status.study}: {states}")
        if status.job is not None:
            code = "" if status.job.code is None else f", exit code {status.job.code}"
            console.out.print(f"  job {status.job.job_id} of {status.job.target}: {status.job.state}{code}")
        if status.launched_by:
            console.out.print(f"  launched by {status.launched_by}")
        if status.failed_probes:
            lacking = counted(status.failed_probes, "lacks", "lack")
            console.out.print(f"  {lacking} the scores of a probe that failed: ablate retry {status.study}")
        if status.unsent and not status.launched_by:
            unsent = counted(status.unsent, "trial is unfinished or waits", "trials are unfinished or wait")
            console.out.print(f"  {unsent} for MLflow: launch again, or ablate sync")
        if status.earlier:
            begun = counted(status.earlier, "unfinished trial belongs", "unfinished trials belong")
            console.out.print(f"  {begun} to earlier settings of the study")
        if status.budget is not None and status.budget_left is not None:
            waiting = status.counts.get(State.WAITING, 0) > 0
            console.out.print(f"  {budget_line(status.budget, status.budget_left, waiting)}")
        if faults := training_faults(status):
            console.out.print(f"  warning: {faults}")
        for line in comparison_lines(status.comparison, most=SHOWN):
            console.out.print(f"  {line}")
        for trial in status.trials:
            shown = trial.reason or values(scores(trial.metrics))
            console.out.print(f"  {trial.key}  {trial.state:13}  {trial.name}  {shown}")
            if trial.failed_probes:
                console.out.print(f"    {probe_reasons(trial.failed_probes)}")
            for warning in trial.warnings:
                console.out.print(f"    warning: {warning}")


def comparison_lines(comparison: "Sequence[RunningDifference]", most: int, width: int | None = None) -> Iterator[str]:
    """The largest differences from the baseline, a line each, in the longest form that has at most `width` letters.

    `linear/accuracy so far: k=50: +0.041 ± 0.018 from the baseline k=100, 3 seeds`.  Where even the shortest form is
    too long, the middle of the variant's name is left out, and the difference stays whole.
    """
    for one in comparison[:most]:
        forms = list(comparison_forms(one))
        fits = (form for form in forms if width is None or len(form) <= width)
        if (line := next(fits, None)) is None:
            rest = forms[-1].removeprefix(one.label)
            line = without_middle(one.label, max(LEAST_NAME, (width or 0) - len(rest))) + rest
        yield line


def comparison_forms(one: "RunningDifference") -> Iterator[str]:
    """The ways to write a difference, the longest first."""
    mean, half = one.quantity.factor * one.mean, one.half
    size = with_error(abs(mean), one.quantity.factor * half) if half is not None else number(abs(mean))
    difference = f"{one.label}: {one.quantity.difference(signed(mean, size))}"
    metric, seeds = f"{one.quantity.name} so far", counted(one.n, "seed")
    yield f"{metric}: {difference} from the baseline {one.baseline}, {seeds}"
    yield f"{metric}: {difference} from the baseline, {seeds}"
    yield f"so far: {difference}, {seeds}"
    yield difference


def training_faults(status: "Status") -> str:
    """How many trials have each fault of training; empty where none has."""
    collapsed = f"{status.collapsed} with collapsed embeddings"
    diverged = f"{status.diverged} whose training has diverged"
    return ", ".join([collapsed] * (status.collapsed > 0) + [diverged] * (status.diverged > 0))


def print_log(found: "TrialLog", as_json: bool) -> None:
    """The log and the traceback of a trial; a note where it has printed nothing yet."""
    trial = found.trial
    if as_json:
        print_json({**to_plain(trial), "log": found.log, "traceback": found.traceback})
    elif found.log or found.traceback:
        sys.stdout.write(found.log + found.traceback)
    else:
        console.aside.print(f"{trial.name} of {trial.study} is {trial.state} and has no log", soft_wrap=True)


def print_checked(checked: "ValidStudy", as_json: bool) -> None:
    if as_json:
        print_json(vars(checked))
        return
    console.out.print(
        f"{checked.study}: {counted(checked.trials, 'trial')} of {counted(checked.variants, 'variant')}"
        f" on {', '.join(checked.datasets)}"
    )
    if checked.sentence:
        console.out.print(f"its report will answer in this form: {checked.sentence}", soft_wrap=True)


def print_health_checks(checks: Sequence["HealthCheck"], as_json: bool) -> None:
    if as_json:
        print_json([vars(check) for check in checks])
        return
    for check in checks:
        mark = ("ok  ", "green") if check.fit else ("look", "red")
        console.out.print(Text.assemble(mark, f"  {check.what:12} {check.found}"))
        if not check.fit:
            console.out.print(f"      {check.remedy}")
