"""Which pack is next: Ray Tune asks, the plan answers, then Optuna."""

import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ray.tune.search import Searcher

from ablate.cluster.messages import LaunchConfig, Message
from ablate.planning.packs import with_pretraining
from ablate.study.model import Resources
from ablate.track.spool import RunRef
from ablate.trial import Trial

if TYPE_CHECKING:
    from ablate.search.proposals import Proposals

Pack = tuple[Trial, ...]
ATTEMPTS = 3  # workers that a pack may lose


class PackSearcher(Searcher):
    """Hands out packs, takes back what became of them, and hands out again those whose worker died."""

    def __init__(
        self,
        orders: LaunchConfig,
        resources: Resources,
        proposals: "Proposals | None",
        speak: Callable[[Message], None],
        stopped: Callable[[], bool],
        bury: Callable[[Trial, str], None],
    ) -> None:
        super().__init__(metric="pid", mode="max")
        self.orders, self.resources, self.proposals = orders, resources, proposals
        self.speak, self.stopped, self.bury = speak, stopped, bury
        self.waiting: deque[Pack] = deque(orders.packs)
        self.firsts = {
            trial.config.first.key for pack in orders.packs for trial in pack if trial.config.first is not None
        }
        self.open: dict[str, Pack] = {}  # Tune's trial → its pack
        self.ended: set[str] = set()  # keys
        self.deaths: Counter[tuple[str, ...]] = Counter()  # keys of a pack → workers that it lost
        self.heard: dict[int, float] = {}  # worker's process → when it last said something
        self.died_at = 0.0  # when a worker last died in this round

    @property
    def over(self) -> bool:
        return not self.waiting and not self.open and (self.proposals is None or self.proposals.over)

    def suggest(self, trial_id: str) -> Any:
        """The next pack as a worker's configuration; None for 'not now', FINISHED when nothing will come."""
        if self.stopped():
            return Searcher.FINISHED
        if not self.waiting and self.proposals is not None:
            self.propose()
        if not self.waiting:
            return None if self.open else Searcher.FINISHED
        ready = next((pack for pack in self.waiting if not self.premature(pack)), None)
        if ready is None:
            return None
        self.waiting.remove(ready)
        self.open[trial_id] = ready
        return self.config(ready)

    def premature(self, pack: Pack) -> bool:
        """Whether the pack starts from a trial that has not ended; one that has failed makes its worker say so."""
        firsts = {trial.config.first.key for trial in pack if trial.config.first is not None}
        to_end = (trial.key for other in (*self.waiting, *self.open.values()) for trial in other)
        return bool(firsts) and not firsts.isdisjoint(set(to_end) - self.ended)

    def propose(self) -> None:
        """Ask Optuna for a setting; its seeds run like any other trials."""
        assert self.proposals is not None
        trials = self.proposals.next()
        if trials:
            taken = {trial.key for pack in self.waiting for trial in pack} | self.ended | self.orders.values.keys()
            fresh = [trial for trial in with_pretraining(trials) if trial in trials or trial.key not in taken]
            self.speak(Message("proposed", {"jobs": [trial.to_json() for trial in fresh]}))
            self.firsts |= {trial.config.first.key for trial in fresh if trial.config.first is not None}
            from ablate.run import packed  # with torch, which a search has loaded

            self.waiting.extend(packed(fresh, self.resources.pack, self.resources.gpu > 0))

    def config(self, pack: Pack) -> dict[str, Any]:
        return {
            "pack": [trial.to_json() for trial in pack],
            "run_refs": {trial.key: asdict(self.run_ref(trial)) for trial in pack},
            "study": pack[0].study,
            "store": self.orders.store,
            "uri": self.orders.uri,
            "gpu": self.resources.gpu,
            "threads": self.resources.cpu,
            "checkpoint_every": self.orders.checkpoint_every,
            "firsts": [trial.key for trial in pack if trial.key in self.firsts],
        }

    def run_ref(self, trial: Trial) -> RunRef:
        """The trial's place in MLflow; the driver did not know of what is proposed here."""
        if trial.key in self.orders.run_refs:
            return self.orders.run_refs[trial.key]
        from ablate.run import probe_digests  # with torch, which only a search needs here

        return RunRef(probes=probe_digests(trial))

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        self.heard[result["pid"]] = time.monotonic()
        if result["now"]:
            self.speak(Message("progress", json.loads(result["now"])))
        for outcome in json.loads(result["said"]):
            self.end(outcome)

    def on_trial_complete(self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False) -> None:
        pack = self.open.pop(trial_id, ())
        if result and not error:
            self.on_trial_result(trial_id, result)
        left = tuple(trial for trial in pack if trial.key not in self.ended)
        if left and error:
            self.lose(left)
        elif left and not self.stopped():
            self.waiting.appendleft(left)  # its worker ended without a word on these

    def lose(self, pack: Pack) -> None:
        """A worker died over this pack: try again, or give it up."""
        self.died_at = time.monotonic()
        keys = tuple(trial.key for trial in pack)
        self.deaths[keys] += 1
        if self.deaths[keys] < ATTEMPTS:
            self.waiting.appendleft(pack)
            return
        for trial in pack:
            reason = f"its worker died {ATTEMPTS} times, last in the middle of this trial"
            self.bury(trial, reason)
            self.end({"key": trial.key, "status": "FAILED", "reason": reason, "metrics": None})

    def end(self, outcome: Mapping[str, Any]) -> None:
        """Take note of how a trial ended, once."""
        if outcome["key"] in self.ended:
            return
        self.ended.add(outcome["key"])
        self.speak(Message("outcome", outcome))
        if self.proposals is not None and outcome["status"] != "STOPPED":
            self.proposals.tell(outcome["key"], outcome["metrics"])

    def starved(self, slots: int, grace: float = 20.0) -> bool:
        """Whether a dead worker's slot stays empty while packs wait.

        Tune gives a waiting trial to whichever worker is free first and then takes back the request for a new one:
        where trials are shorter than a worker's start, a lost worker would never be replaced.
        """
        now = time.monotonic()
        if not self.died_at or now - self.died_at < grace or not self.waiting:
            return False
        return sum(now - heard < grace / 2 for heard in self.heard.values()) < min(slots, len(self.waiting))

    def new_round(self, unheard: Iterable[Mapping[str, Any]]) -> None:
        """Take back what was handed out, for workers that start afresh, but for what ended unheard."""
        for outcome in unheard:
            self.end(outcome)
        for pack in self.open.values():
            left = tuple(trial for trial in pack if trial.key not in self.ended)
            if left:
                self.waiting.appendleft(left)
        self.open.clear()
        self.heard.clear()
        self.died_at = 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        return (str, ())  # Tune pickles its configuration for a restore that never comes

    def save(self, checkpoint_path: str) -> None:
        """Nothing: MLflow and Optuna's journal remember."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: every launch plans afresh."""
