"""The plan of a launch: every trial, what is recorded of it and what is left to do, in packs; made once per launch."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from ablate.events import State, probe_reasons
from ablate.planning.cost import CostEstimate, Costs, estimate_cost, recorded_costs
from ablate.planning.packs import Pack, make_packs, spread, with_pretraining
from ablate.planning.probe_digests import probe_digests
from ablate.planning.resolve import count_proposals
from ablate.planning.resources import Node, placed, slots
from ablate.planning.scores import failed_probes, missing_scores
from ablate.record import TrialRecord
from ablate.study.model import Resources, Study
from ablate.trial import Trial


class Work(StrEnum):
    """What a launch has to do for a trial."""

    NOTHING = "nothing"
    SCORE = "score"  # it is trained; probes are new or have changed
    RESUME = "resume"  # an earlier launch began it
    TRAIN = "train"
    RUNNING = "running"  # another launch of the study is at it


@dataclass(frozen=True)
class PlannedTrial:
    """A trial, what is recorded of it, and what is left to do."""

    trial: Trial
    work: Work
    record: TrialRecord | None = None
    retry: bool = False  # whether probes that failed are to score it again

    @property
    def key(self) -> str:
        return self.trial.key

    @property
    def left(self) -> bool:
        """Whether this launch has to run the trial."""
        return self.work not in (Work.NOTHING, Work.RUNNING)

    @property
    def state(self) -> State:
        """As recorded where there is nothing left to do, or where it runs, else waiting."""
        if self.work is Work.RUNNING:
            return State.RUNNING
        return self.record.state if self.work is Work.NOTHING and self.record else State.WAITING

    @property
    def probes(self) -> dict[str, str]:
        """Probe → digest, of those whose scores are missing."""
        if self.work is not Work.SCORE or self.record is None:
            return probe_digests(self.trial)
        return missing_scores(self.trial, self.record, self.retry)

    @property
    def failed_probes(self) -> dict[str, str]:
        """Probe → reason, of those that failed to score the trial and are not run again."""
        if self.record is None or self.record.state is not State.FINISHED or self.work is Work.TRAIN:
            return {}
        again = self.probes if self.work is Work.SCORE else {}
        failed = failed_probes(self.trial, self.record)
        return {name: reason for name, reason in failed.items() if name not in again}

    @property
    def to_run(self) -> Trial:
        """The trial to run: with all its probes, or only with those whose scores are missing where it is trained."""
        if self.work is not Work.SCORE:
            return self.trial
        return replace(self.trial, probes={name: self.trial.probes[name] for name in self.probes})


@dataclass(frozen=True)
class Plan:
    """What a launch does, for `plan`, `launch`, the live view and the summary alike."""

    study: Study
    trials: tuple[PlannedTrial, ...]  # pretraining trials before those that start from them
    proposals: int  # trials that a search has yet to propose, or that undecided comparisons may add, at most
    packs: tuple[Pack, ...]  # of what is left; what a search trains is packed by its conductor, proposal by proposal
    slots: int  # packs side by side; 0: the nodes are not known yet
    nodes: tuple[Node, ...] = ()  # where it would run, as far as they are known
    costs: Costs = field(default_factory=dict)  # of shapes, as far as they are known
    examples: tuple[Trial, ...] = ()  # trials that a search might propose, where it has proposed none
    spent: float = 0.0  # device-seconds, of all launches of the study

    @cached_property
    def estimate(self) -> CostEstimate | None:
        """What it costs; None where the cost of a trial is unknown."""
        return estimate_cost(self)

    @property
    def budget_left(self) -> float | None:
        """Device-seconds that are left of the study's budget; below 0 where it was exceeded, None without one."""
        budget = self.study.budget
        return budget.device_hours * 3600 - self.spent if budget is not None else None

    @property
    def budget_is_spent(self) -> bool:
        """Whether the budget is spent, so that no trial is started."""
        return self.budget_left is not None and self.budget_left <= 0

    @property
    def resources(self) -> Resources:
        """What a pack needs on the nodes that are known."""
        return placed(self.study.resources, self.nodes)

    @property
    def left(self) -> tuple[PlannedTrial, ...]:
        """The trials that this launch has to run."""
        return tuple(planned for planned in self.trials if planned.left)

    @property
    def pack_count(self) -> int:
        """Packs that are left to run, each proposed trial counted as one."""
        listed = sum(len(pack) for pack in self.packs)
        packs = len(spread(self.packs, self.slots)) if self.slots else len(self.packs)
        return packs + len(self.left) - listed + self.proposals

    @property
    def total(self) -> int:
        return len(self.trials) + self.proposals

    @property
    def failed(self) -> dict[str, str]:
        """Trial's name → reason, of those that failed and are not run again."""
        failed = [planned for planned in self.trials if planned.state.failed]
        return {planned.trial.name: planned.record.reason for planned in failed if planned.record}

    @property
    def failed_probes(self) -> dict[str, str]:
        """Trial's name → the probes that failed to score it and are not run again, with their reasons."""
        failed = {planned.trial.name: planned.failed_probes for planned in self.trials}
        return {name: probe_reasons(reasons) for name, reasons in failed.items() if reasons}

    def count(self, *states: State) -> int:
        return sum(planned.state in states for planned in self.trials)

    def works(self) -> Counter[Work]:
        """Work → how many trials need it."""
        return Counter(planned.work for planned in self.trials)


def make_plan(
    study: Study,
    trials: Sequence[Trial],
    records: Mapping[str, TrialRecord],
    nodes: Sequence[Node],
    *,
    retry: bool = False,
    launched: bool = False,
    more: int = 0,
    costs: Costs | None = None,
) -> Plan:
    """Plan a launch of a study's trials: those of its design, or those that its search has proposed up to now.

    `more` trials may be added at most, where seeds are added while comparisons are undecided.

    `records` holds what the tracking store has, by key; with `retry` failed trials are run again.
    `launched`: a launch of the study is in progress, which trains what is recorded as running.  `costs` are those of
    shapes that were measured, or recorded of other studies; what the records tell precedes them.
    Raises StudyError where no node has room for a pack.
    """
    planned = tuple(plan_trial(trial, records.get(trial.key), retry, launched) for trial in with_pretraining(trials))
    resources, width = placed(study.resources, nodes), slots(nodes, study) if nodes else 0
    listed = [one.to_run for one in planned if one.left and (not study.search or one.work is Work.SCORE)]
    packs = packs_of(study, listed, resources)
    proposals = more or max(0, count_proposals(study) * len(study.first_seeds) - len(trials))
    known = {**(costs or {}), **recorded_costs(records.values())}
    spent = sum(record.device_seconds or 0.0 for record in records.values())
    return Plan(study, planned, proposals, packs, width, tuple(nodes), known, spent=spent)


def packs_of(study: Study, trials: Sequence[Trial], resources: Resources) -> tuple[Pack, ...]:
    """The trials in packs; with a pruner a pack holds seeds of one variant, whose seeds follow each other.

    They are judged together, so they are to reach its rungs together.
    """
    if study.early_stopping is None:
        return make_packs(trials, resources.pack, resources.gpus > 0)
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.variant, []).append(trial)
    grouped = (make_packs(group, resources.pack, resources.gpus > 0) for group in groups.values())
    return tuple(pack for packs in grouped for pack in packs)


def train_again(plan: Plan, keys: Collection[str]) -> Plan:
    """The plan with these trials to be trained, whatever is recorded of them."""
    trials = tuple(replace(one, work=Work.TRAIN) if one.key in keys else one for one in plan.trials)
    again = [one.trial for one in trials if one.key in keys]
    resources = plan.resources
    return replace(plan, trials=trials, packs=(*make_packs(again, resources.pack, resources.gpus > 0), *plan.packs))


def plan_trial(trial: Trial, record: TrialRecord | None, retry: bool, launched: bool = False) -> PlannedTrial:
    """What is left to do for a trial, given its record."""
    if launched and record is not None and record.state is State.RUNNING:
        return PlannedTrial(trial, Work.RUNNING, record, retry)
    return PlannedTrial(trial, work_of(trial, record, retry), record, retry)


def work_of(trial: Trial, record: TrialRecord | None, retry: bool) -> Work:
    if record is None:
        return Work.TRAIN
    if record.state.failed:
        return Work.RESUME if retry else Work.NOTHING
    if record.state is State.PRUNED:
        return Work.NOTHING
    if record.state is not State.FINISHED:
        return Work.RESUME
    return Work.SCORE if missing_scores(trial, record, retry) else Work.NOTHING
