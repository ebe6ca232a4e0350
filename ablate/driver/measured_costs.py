"""What trials cost where no finished ones tell it: measured on this machine, and kept in the store for later plans."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

from ablate.atomic_write import write_text
from ablate.cluster.ray_environment import DEFAULTS
from ablate.codec import Codec
from ablate.measure import REQUEST, RESULT, Measured, MeasureRequest, NotMeasured
from ablate.paths import Store
from ablate.permissions import store_permissions
from ablate.planning.cost import Costs, ShapeCost, recorded_costs, unknown_shapes
from ablate.planning.packs import Pack
from ablate.planning.plan import Plan
from ablate.planning.resources import this_node
from ablate.plural import counted
from ablate.record import TrialRecord
from ablate.trial import Trial, digest

LIMIT = 120.0  # seconds after which shapes that are not measured yet stay unknown
TIMED = 2.0  # seconds of training that are timed of each shape
MOST_SIDE_BY_SIDE = 8  # processes that measure at a time, as workers train side by side and slow each other down


@dataclass(frozen=True)
class SavedCosts:
    """What was measured on this machine."""

    costs: Mapping[str, ShapeCost] = field(default_factory=dict)  # by shape and machine


CODEC: Codec[SavedCosts] = Codec({"costs": SavedCosts}, version=1)


def measured_costs(store: Store) -> Costs:
    """Shape → cost, of what was measured on this machine."""
    costs = saved_costs(store)
    ending = f" {machine_digest()}" if costs else ""
    return {name.removesuffix(ending): cost for name, cost in costs.items() if name.endswith(ending)}


def saved_costs(store: Store) -> Costs:
    """Shape and machine → cost, as saved; nothing where there is no file, or another version of ablate wrote it."""
    try:
        return CODEC.decode(store.measured.read_text(encoding="utf-8")).costs
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def machine_digest() -> str:
    """Identifies the processors and GPUs of this machine."""
    from ablate.track.environment import device_name

    return digest([device_name("cpu"), device_name("cuda")], 8)


def save(store: Store, costs: Costs) -> None:
    """Keep measured costs in the store, which is made like that of a launch where there is none."""
    ending = f" {machine_digest()}"
    added = {f"{shape}{ending}": cost for shape, cost in costs.items()}
    write_text(store.measured, CODEC.encode(SavedCosts({**saved_costs(store), **added})))


def with_costs(plan: Plan, costs: Costs) -> Plan:
    """The plan with these costs beside those that it knows."""
    return replace(plan, costs={**costs, **plan.costs})


def costs_alike(find: Callable[[Iterable[str]], Iterable[TrialRecord]], plan: Plan) -> Costs:
    """The costs that other studies' finished trials tell of the shapes that are unknown.

    `find` returns such trials by their shapes; those that ran on this machine's processor or GPU precede.
    """
    from ablate.track.environment import device_name

    shapes = [trial.shape for trial in (*unknown_shapes(plan), *plan.examples) if trial.shape not in plan.costs]
    found = list(find(dict.fromkeys(shapes))) if shapes else []
    here = {device_name("cpu"), device_name("cuda")}
    return {**recorded_costs(found), **recorded_costs(one for one in found if one.environment.get("device") in here)}


def measure_unknown(plan: Plan, store: Store, say: Callable[[str], None]) -> Plan:
    """The plan with the costs of its unknown shapes, measured here; without those that cannot be measured.

    `say` is told what is done, and why a shape could not be measured.
    """
    trials = (*unknown_shapes(plan), *(one for one in plan.examples if one.shape not in plan.costs))
    shapes = {trial.shape: trial for trial in trials}
    if not shapes:
        return plan
    if plan.resources.gpus and not this_node().gpus:
        say("this machine has no GPU on which the trials could be timed")
        return plan
    say(f"timing {counted(len(shapes), 'kind of trial', 'kinds of trials')}: --no-measure leaves it out")
    with tensor_folder(store) as tensors:
        found = dict(measured_packs(plan, [pack_of(plan, trial) for trial in shapes.values()], tensors, say))
    if found and store.writable:
        save(store, found)
    return with_costs(plan, found)


@contextmanager
def tensor_folder(store: Store) -> Iterator[Path]:
    """The folder for decoded data sets: the store's, which a launch uses next, else one that is removed."""
    if not store.writable:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    with store_permissions(store):
        store.root.mkdir(parents=True, exist_ok=True)
        yield store.tensors


def pack_of(plan: Plan, trial: Trial) -> Pack:
    """The trials that would train together with this one, and first of them one of its shape."""
    return next((pack for pack in plan.packs if pack[0].shape == trial.shape), (trial,))


def measured_packs(
    plan: Plan, packs: Sequence[Pack], tensors: Path, say: Callable[[str], None]
) -> Iterator[tuple[str, ShapeCost]]:
    """(Shape, cost) of each pack, measured by as many processes at a time as packs would run side by side."""
    resources = plan.resources
    request = MeasureRequest(tuple(packs), str(tensors), bool(resources.gpus), max(1, int(resources.cpu)), TIMED)
    wide = max(1, min(plan.slots or 1, plan.pack_count, int(this_node().cpus), MOST_SIDE_BY_SIDE))
    results = [result for lines in run_side_by_side(request, wide) for result in lines]
    for pack in packs:
        shape = pack[0].shape
        of_shape = [result for result in results if result.shape == shape]
        measured = [result for result in of_shape if isinstance(result, Measured)]
        if measured:
            yield shape, mean_cost(measured)
        else:
            reasons = [result.reason for result in of_shape if isinstance(result, NotMeasured)]
            say(f"{pack[0].name} could not be timed: {reasons[0] if reasons else 'it takes too long'}")


def mean_cost(measured: Sequence[Measured]) -> ShapeCost:
    return ShapeCost(
        fmean(one.epoch_seconds for one in measured),
        fmean(one.fixed_seconds for one in measured),
        fmean(one.megabytes for one in measured),
        measured=True,
    )


def run_side_by_side(request: MeasureRequest, processes: int) -> list[list[Measured | NotMeasured]]:
    """The results of so many processes that measure the same at the same time, as far as they come within LIMIT."""
    environment = {**DEFAULTS, **os.environ}
    command = [sys.executable, "-P", "-m", "ablate.measure", str(os.getpid())]
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    started = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nothing, env=environment, text=True)
        for _ in range(processes)
    ]

    def kill() -> None:
        for process in started:
            process.kill()

    timer = threading.Timer(LIMIT, kill)
    timer.start()
    try:
        for process in started:
            assert process.stdin is not None, "it is a pipe"
            process.stdin.write(REQUEST.encode(request) + "\n")
            process.stdin.flush()
        return [list(read_results(process)) for process in started]
    finally:
        timer.cancel()
        kill()
        for process in started:
            process.wait()


def read_results(process: "subprocess.Popen[str]") -> Iterator[Measured | NotMeasured]:
    """The results of a process, up to its end."""
    assert process.stdout is not None, "it is a pipe"
    for line in process.stdout:
        if line.endswith("\n"):
            yield RESULT.decode(line)
