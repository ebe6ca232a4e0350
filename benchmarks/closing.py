"""Seconds from the end of a study's last trial to its report, and CPU seconds of commands on a finished study.

The trials are written into MLflow without being trained.  Goals: 10 s to close a launch of 1,000 trials (10 variants,
10 epochs of 5 metrics); on a store of 200 trials 1.5 CPU seconds for `status`, `plan` and `logs`, 3 to launch the
finished study again.  CPU seconds are those of the command and of all processes that it waits for.

    python benchmarks/closing.py [--trials 1000] [--small 200] [--named]
"""

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from process_tree import cpu_seconds_of
from serving import ABLATE, environment_of, serving

from ablate.driver.launch import launch
from ablate.events import Message, StageBegan, State
from ablate.paths import Store
from ablate.planning.probe_digests import probe_digests
from ablate.planning.resolve import resolve
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.track import tags
from ablate.track.entities import Metric
from ablate.track.mlflow_store import MlflowStore
from ablate.track.params import params_of
from ablate.track.run_state import STATUSES
from ablate.track.spool_records import SpoolStart
from ablate.trial import Trial

STUDY = """
method: invariant
dataset: digits
axes:
  method.epsilon: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
seeds: {seeds}
probes: [linear]
metric: linear/accuracy
resources: {{gpu: 0}}
"""
VARIANTS, EPOCHS, METRICS = 10, 10, 5
CLOSING, COMMAND, RELAUNCH = 10.0, 1.5, 3.0  # goals


def study_of(store: Store, name: str, trials: int) -> Study:
    file = store.root / f"{name}.yaml"
    file.write_text(STUDY.format(seeds=trials // VARIANTS), encoding="utf-8")
    return read_study(str(file))


def fill(store: Store, uri: str, study: Study) -> tuple[Trial, ...]:
    """Record all trials of the study as finished; the launch that trained them has not closed."""
    tracking = MlflowStore(uri)
    trials = resolve(study)
    tracking.open_study(study.name, study.question, "", tracking.snapshot(study.name))
    parents = tracking.open_variants(trials, tracking.snapshot(study.name))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda trial: record(tracking, trial, parents[trial.variant]), trials))
    return trials


def record(tracking: MlflowStore, trial: Trial, parent: str) -> None:
    now = time.time_ns() // 1_000_000
    start = SpoolStart(now, trial, {"git": "none", "versions": "python 3.11", "device": "cpu", "host": "here"}, parent)
    probes = {f"{tags.PROBE}{name}": digest for name, digest in probe_digests(trial).items()}
    run_tags = tags.trial_tags(trial, start) | probes | {tags.STATE: State.FINISHED}
    run = tracking.client.create_run(tracking.experiments[trial.study], now, run_tags, trial.name).info.run_id
    points = [
        Metric(f"train/loss{number}", trial.config.seed + epoch / number, now, epoch)
        for epoch in range(1, EPOCHS + 1)
        for number in range(1, METRICS + 1)
    ]
    points.append(Metric("linear/accuracy", 0.5 + trial.config.seed / 1000, now, EPOCHS))
    tracking.client.log_batch(run, points, params_of(trial))
    tracking.client.set_terminated(run, STATUSES[State.FINISHED])


def time_closing(store: Store, uri: str, study: Study) -> tuple[float, list[str]]:
    """Seconds that a launch takes which has only to close, and its stages with their seconds.

    Without an address it uses the embedded server, whose database it reads.
    """
    began = time.perf_counter()
    stages: list[tuple[str, float]] = []

    def listen(progress: object, message: Message) -> None:
        if isinstance(message, StageBegan):
            stages.append((str(message.stage), time.perf_counter()))

    os.environ.pop("MLFLOW_TRACKING_URI", None)
    if uri:
        os.environ["MLFLOW_TRACKING_URI"] = uri
    launch(study, store, listen=listen)
    ends = [*(at for _, at in stages[1:]), time.perf_counter()]
    return time.perf_counter() - began, [f"{name} {end - at:.1f}" for (name, at), end in zip(stages, ends, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000, help="of the launch that closes, a multiple of 10")
    parser.add_argument("--named", action="store_true", help="close with a server that is named, by requests")
    parser.add_argument("--small", type=int, default=200, help="trials of the study for commands, a multiple of 10")
    given = parser.parse_args()
    missed = False
    with serving() as (store, uri):
        small = study_of(store, "small", given.small)
        (trial, *_) = fill(store, uri, small)
        time_closing(store, uri, small)
        file = str(store.root / "small.yaml")
        for goal, arguments in (
            (COMMAND, ("status", "small")),
            (COMMAND, ("plan", file)),
            (COMMAND, ("logs", trial.key)),
            (RELAUNCH, ("launch", file)),
        ):
            for place, address in (("server", uri), ("database", "")):
                seconds = min(cpu_seconds_of((*ABLATE, *arguments), environment_of(store, address)) for _ in range(2))
                missed |= seconds > goal
                print(f"{arguments[0]:7} {seconds:.2f} CPU seconds from the {place} (goal {goal})", flush=True)
        large = study_of(store, "large", given.trials)
        fill(store, uri, large)
        seconds, stages = time_closing(store, uri if given.named else "", large)
        missed |= seconds > CLOSING
        print(f"closing {given.trials} trials took {seconds:.1f} s (goal {CLOSING}): {', '.join(stages)}")
    sys.exit(missed)


if __name__ == "__main__":
    main()
