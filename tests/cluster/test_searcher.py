"""The adapter between the queue of packs and Ray Tune."""

from collections.abc import Callable

from ray.tune.search import Searcher

from ablate.cluster.dispatch import Dispatcher
from ablate.cluster.searcher import PackSearcher
from ablate.events import MESSAGES, Ended, EpochValues, Message, State
from ablate.launch_config import PACK_CONFIG, LaunchConfig
from ablate.study.model import Resources
from ablate.trial import Trial


def test_packs_and_reports_pass_through_tune_and_the_end_is_finished(make_trial: Callable[..., Trial]) -> None:
    trial, sent = make_trial(), list[Message]()
    config = LaunchConfig("store", "http://127.0.0.1:1", "study.yaml", ((trial,),), {}, {})
    searcher = PackSearcher(
        Dispatcher(config, Resources(), None, sent.append, lambda: False, lambda trial, state, reason: None)
    )
    assert PACK_CONFIG.decode(searcher.suggest("a")["pack"]).trials == (trial,)
    assert searcher.suggest("b") is None
    updates = [EpochValues(trial.key, 1, {"train/loss": float("inf")}), Ended(trial.key, State.FINISHED)]
    searcher.on_trial_complete(
        "a", {"updates": "\n".join(MESSAGES.encode(one) for one in updates), "pid": 1, "node": "n"}
    )
    assert sent == updates
    assert searcher.suggest("b") == Searcher.FINISHED


def test_the_pack_of_a_worker_that_died_is_assigned_again(make_trial: Callable[..., Trial]) -> None:
    trial = make_trial()
    config = LaunchConfig("store", "http://127.0.0.1:1", "study.yaml", ((trial,),), {}, {})
    searcher = PackSearcher(
        Dispatcher(config, Resources(), None, lambda message: None, lambda: False, lambda trial, state, reason: None)
    )
    searcher.suggest("a")
    searcher.on_trial_complete("a", None, error=True)
    assert PACK_CONFIG.decode(searcher.suggest("b")["pack"]).trials == (trial,)
