"""What every registered probe promises, and how their scores are put together."""

import random
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from ablate.data_info import DataInfo
from ablate.errors import StudyError, TrialError
from ablate.options import options_of
from ablate.probes import PROBES
from ablate.probes.classifier import Classifier
from ablate.probes.clustering import Clustering
from ablate.probes.confident import Confident
from ablate.probes.graph import Graph
from ablate.probes.information import Information
from ablate.probes.linear import Linear
from ablate.probes.logistic import Logistic
from ablate.probes.mixture import Mixture
from ablate.probes.mlp import MLP
from ablate.probes.neighbors import Neighbors
from ablate.probes.nlad import NLAD
from ablate.probes.probe import Embedded, Features, Metrics, Probe, score_all, with_best

QUICK: dict[str, Probe] = {  # those that look at features and labels only
    "linear": Linear(epochs=20, batch_size=16, learning_rate=0.01),
    "mlp": MLP(epochs=20, batch_size=16, learning_rate=0.01),
    "classifier": Classifier(width=8, epochs=8, batch_size=16, learning_rate=0.01),
    "logistic": Logistic(),
    "knn": Neighbors(),
    "gmm": Mixture(starts=3),
    "clustering": Clustering(),
    "graph": Graph(iterations=500),
    "confident": Confident(iterations=250),
    "mine": Information(epochs=3, batch_size=64),
    "nlad": NLAD(),
}
READERS = sorted(QUICK.keys() - {"confident", "mine", "nlad"})  # whose accuracy is that of all samples


@pytest.fixture(params=sorted(QUICK))
def probe(request: pytest.FixtureRequest) -> Probe:
    return QUICK[request.param]


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> Probe:
    return QUICK[request.param]


def streams() -> tuple[object, ...]:
    """The state of every global generator."""
    return torch.get_rng_state().tolist(), repr(np.random.get_state()), random.getstate()


def frozen(features: Features) -> Features:
    x, y = features.x.copy(), features.y.copy()
    x.flags.writeable = y.flags.writeable = False
    return Features(x, y)


def spoiled(features: Features, value: float) -> Features:
    x = features.x.copy()
    x[[0, 4], 1] = value
    return Features(x, features.y)


@pytest.mark.parametrize("name", sorted(PROBES))
def test_every_setting_says_what_it_means_and_where_the_probe_is_from(name: str) -> None:
    assert all(option.description for option in options_of(PROBES[name]))
    assert PROBES[name].source


def test_a_probe_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(StudyError, match="no probe is called 'lineer'; did you mean 'linear'\\?"):
        PROBES["lineer"]


def test_scores_are_the_declared_metrics(probe: Probe, separated: Embedded) -> None:
    declared = {name for name in probe.metrics if not (probe.best_of_snapshots and name.startswith("best_"))}
    assert probe.score(separated, seed=0).keys() == declared


def test_separated_classes_score_one(reader: Probe, separated: Embedded) -> None:
    scores = reader.score(separated, seed=0)
    assert all(score == (0.0 if name.startswith("error") else 1.0) for name, score in scores.items())


def test_permuted_labels_score_near_chance(reader: Probe, permuted: Embedded) -> None:
    assert reader.score(permuted, seed=0)["accuracy"] < 1 / 3 + 4 * (2 / 9 / 240) ** 0.5  # four standard deviations


def test_a_score_is_a_function_of_features_and_seed(probe: Probe, permuted: Embedded) -> None:
    first = probe.score(permuted, seed=7)
    torch.manual_seed(1)
    np.random.seed(1)
    assert probe.score(permuted, seed=7) == first


def test_global_random_streams_stay_where_they_are(probe: Probe, separated: Embedded) -> None:
    before = streams()
    probe.score(separated, seed=0)
    assert streams() == before


def test_features_may_be_read_only(probe: Probe, separated: Embedded) -> None:
    locked = Embedded(frozen(separated.train), frozen(separated.test), frozen(separated.evaluation))
    assert probe.score(locked, seed=0) == probe.score(separated, seed=0)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-7, 1e12])
def test_features_may_be_constant_tiny_or_huge(probe: Probe, separated: Embedded, scale: float) -> None:
    def scaled(features: Features) -> Features:
        return Features(features.x * np.float32(scale), features.y)

    scores = probe.score(
        Embedded(scaled(separated.train), scaled(separated.test), scaled(separated.evaluation)), seed=0
    )
    assert np.isfinite(list(scores.values())).all()
    assert all(0.0 <= score <= 1.0 for name, score in scores.items() if "accuracy" in name)


@pytest.mark.parametrize("name", ["knn", "clustering", "graph", "gmm"])
def test_what_measures_distances_does_not_overflow(name: str, separated: Embedded) -> None:
    huge = Features(separated.evaluation.x * np.float32(1e30), separated.evaluation.y)
    assert QUICK[name].score(Embedded(huge, huge, huge), seed=0)["accuracy"] == 1.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("split", ["train", "test", "evaluation"])
def test_features_that_are_not_finite_are_refused(probe: Probe, separated: Embedded, split: str, value: float) -> None:
    changed: dict[str, Any] = {split: spoiled(getattr(separated, split), value)}
    broken = replace(separated, **changed)
    with pytest.raises(TrialError, match=f"embedding of the {split} split is not finite for 2 of"):
        probe.score(broken, seed=0)


@pytest.mark.parametrize("classes", [0, 1])
def test_data_without_classes_are_refused(probe: Probe, classes: int) -> None:
    with pytest.raises(StudyError, match=f"needs labels of two classes or more, and there are {classes}"):
        probe.check(DataInfo(probed=1000, evaluation=1000, classes=classes))


def test_enough_data_are_accepted(probe: Probe) -> None:
    probe.check(DataInfo(probed=1000, evaluation=1000, classes=10))


@dataclass(frozen=True)
class Mean(Probe):
    """The mean of the judged features, as if it were good and as if it were bad."""

    metrics: ClassVar[Metrics] = with_best({"height": "maximize", "depth": "minimize"})
    best_of_snapshots: ClassVar[bool] = True

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        mean = float(embedded.evaluation.x.mean()) + seed
        return {"height": mean, "depth": mean}


@dataclass(frozen=True)
class LastMean(Mean):
    """The same, of the last epoch only."""

    metrics: ClassVar[Metrics] = {"height": "maximize", "depth": "minimize"}
    best_of_snapshots: ClassVar[bool] = False


def view(value: float) -> Embedded:
    features = Features(np.full((2, 1), value, np.float32), np.array([0, 1]))
    return Embedded(features, features, features)


def test_a_declared_metric_has_its_best_declared_too() -> None:
    assert with_best({"nmi": "maximize", "error": "minimize"}) == {
        "nmi": "maximize",
        "error": "minimize",
        "best_nmi": "maximize",
        "best_error": "minimize",
    }
    assert {"accuracy", "best_accuracy"} <= Clustering.metrics.keys()


def test_the_last_epoch_is_scored_and_the_best_of_each_metric_stands_beside_it() -> None:
    scores = score_all({"mean": Mean(), "last": LastMean()}, [view(2.0), view(5.0), view(1.0), view(3.0)], seed=10)
    assert scores == {
        "mean/height": 13.0,
        "mean/depth": 13.0,
        "mean/best_height": 15.0,  # of the second view
        "mean/best_depth": 11.0,  # of the third
        "last/height": 13.0,
        "last/depth": 13.0,
    }


def test_the_last_epoch_may_be_its_own_best() -> None:
    assert score_all({"mean": Mean()}, [view(2.0), view(5.0)], seed=0)["mean/best_height"] == 5.0


def test_one_view_has_no_best() -> None:
    assert score_all({"mean": Mean()}, [view(2.0)], seed=0) == {"mean/height": 2.0, "mean/depth": 2.0}


def test_clustering_finds_its_best_epoch(separated: Embedded, permuted: Embedded) -> None:
    scores = score_all({"clustering": Clustering()}, [separated, permuted], seed=0)
    assert scores["clustering/best_accuracy"] == scores["clustering/best_nmi"] == scores["clustering/best_ari"] == 1.0
    assert scores["clustering/accuracy"] < 0.5
    assert scores.keys() == {f"clustering/{name}" for name in Clustering.metrics}
