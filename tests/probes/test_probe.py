"""The contract of every registered probe, accuracies on known data, and scoring with several probes."""

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from ablate.data_info import DataInfo
from ablate.errors import StudyError, TrialError
from ablate.options import Value, former_names
from ablate.planning.probe_digests import probe_digest
from ablate.probes import PROBES
from ablate.probes.clustering import Clustering
from ablate.probes.probe import Embedded, Features, Metrics, Probe, score_all, with_best
from ablate.testing.probes import ProbeContract
from ablate.trial import digest

QUICK: Mapping[str, Mapping[str, Value]] = {  # options with which a test takes a second at most
    "linear": {"epochs": 20, "batch_size": 16, "learning_rate": 0.01},
    "mlp": {"epochs": 20, "batch_size": 16, "learning_rate": 0.01},
    "classifier": {"width": 8, "epochs": 8, "batch_size": 16, "learning_rate": 0.01},
    "logistic": {},
    "knn": {},
    "gmm": {"starts": 3},
    "clustering": {},
    "graph": {"iterations": 500},
    "confident": {"iterations": 250},
    "mine": {"epochs": 3, "batch_size": 64},
    "nlad": {},
    "regression": {},
    "prediction": {},
    "attributes": {"epochs": 3},
    "hair": {"epochs": 3},
    "similarity": {},
    "reconstruction": {},
    "fid": {"network": "random-conv", "samples": 20},
    "density": {},
    "size": {},
}
LABEL_PROBES = sorted(  # of features and labels only
    QUICK.keys()
    - {"regression", "prediction", "attributes", "hair", "similarity", "reconstruction", "fid", "density", "size"}
)
CLASSIFIERS = sorted({*LABEL_PROBES} - {"confident", "mine", "nlad"})  # whose accuracy is that of all samples


def quick(name: str) -> Probe:
    return PROBES[name](**QUICK[name])


class TestRegisteredProbes(ProbeContract):
    @pytest.fixture(params=sorted(PROBES))
    def subject(self, request: pytest.FixtureRequest) -> Probe:
        return quick(request.param)

    def returned(self, probe: Probe) -> set[str]:
        by_options = {"fid": {"fid"}, "nlad": {"map_nlad", "map_smallest_cosine"}}
        left_out = [names for name, names in by_options.items() if isinstance(probe, PROBES[name])]
        return super().returned(probe).difference(*left_out)


@pytest.mark.parametrize("name", sorted(PROBES))
def test_no_probe_derives_from_a_concrete_probe(name: str) -> None:
    bases = [base for base in PROBES[name].__mro__[1:] if issubclass(base, Probe)]
    assert all(inspect.isabstract(base) for base in bases)


@pytest.fixture(params=LABEL_PROBES)
def probe(request: pytest.FixtureRequest) -> Probe:
    return quick(request.param)


@pytest.fixture(params=CLASSIFIERS)
def classifier(request: pytest.FixtureRequest) -> Probe:
    return quick(request.param)


def test_renamed_options_keep_their_former_names_in_digests() -> None:
    former = {name: former_names(probe) for name, probe in PROBES.items() if former_names(probe)}
    assert former == {
        "confident": {"kept_fraction": "kept"},
        "density": {"importance_samples": "draws", "posterior_of": "encoded"},
        "fid": {"network": "features"},
        "gmm": {
            "short_run_steps": "first_steps",
            "short_run_samples": "sample",
            "long_runs": "finalists",
            "test_batch_size": "per_batch",
        },
        "knn": {"max_neighbors": "up_to"},
        "logistic": {"inverse_regularization": "strength"},
        "mine": {"variable": "about", "held_out_fraction": "kept", "moving_average_rate": "rate"},
    }
    assert probe_digest(PROBES["knn"], {"max_neighbors": 7}) == digest(["1", {"up_to": 7}])


def read_only(features: Features) -> Features:
    x, y = features.x.copy(), features.y.copy()
    x.flags.writeable = y.flags.writeable = False
    return Features(x, y)


def spoiled(features: Features, value: float) -> Features:
    """The features with two samples that are not finite."""
    x = features.x.copy()
    x[[0, 4], 1] = value
    return Features(x, features.y)


def test_an_unknown_probe_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(StudyError, match="no probe is called 'lineer'; did you mean 'linear'\\?"):
        PROBES["lineer"]


def test_separated_classes_have_accuracy_one_and_no_errors(classifier: Probe, separated: Embedded) -> None:
    scores = classifier.score(separated, seed=0)
    assert all(score == (0.0 if name.startswith("error") else 1.0) for name, score in scores.items())


def test_permuted_labels_have_an_accuracy_near_chance(classifier: Probe, permuted: Embedded) -> None:
    four_deviations = 4 * (2 / 9 / 240) ** 0.5
    assert classifier.score(permuted, seed=0)["accuracy"] < 1 / 3 + four_deviations


def test_features_may_be_read_only(probe: Probe, separated: Embedded) -> None:
    locked = Embedded(read_only(separated.train), read_only(separated.test), read_only(separated.evaluation))
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
def test_squared_distances_do_not_overflow(name: str, separated: Embedded) -> None:
    huge = Features(separated.evaluation.x * np.float32(1e30), separated.evaluation.y)
    assert quick(name).score(Embedded(huge, huge, huge), seed=0)["accuracy"] == 1.0


@pytest.mark.parametrize("split", ["train", "test", "evaluation"])
def test_features_that_are_not_finite_are_counted_with_their_split(separated: Embedded, split: str) -> None:
    broken: dict[str, Any] = {split: spoiled(getattr(separated, split), math.nan)}
    with pytest.raises(TrialError) as refused:
        Clustering().score(replace(separated, **broken), seed=0)
    samples = len(getattr(separated, split).y)
    assert str(refused.value) == (
        f"the embedding of the {split} split is not finite for 2 of {samples} samples; "
        "training has diverged: lower the learning rate, or check the loss curve for divergence"
    )


@pytest.mark.parametrize("classes", [0, 1])
def test_data_without_two_classes_are_refused(probe: Probe, classes: int) -> None:
    with pytest.raises(StudyError, match=f"needs labels of two classes or more, and there are {classes}"):
        probe.check(DataInfo(probed=1000, evaluation=1000, classes=classes))


def test_enough_data_are_accepted(probe: Probe) -> None:
    probe.check(DataInfo(probed=1000, evaluation=1000, classes=10))


def scores_of_mean(embedded: Embedded, seed: int) -> dict[str, float]:
    """The mean feature, as two metrics of opposite directions."""
    mean = float(embedded.evaluation.x.mean()) + seed
    return {"height": mean, "depth": mean}


@dataclass(frozen=True)
class Mean(Probe):
    """The mean feature of the evaluation split, of the last epoch and at its best."""

    metrics: ClassVar[Metrics] = with_best({"height": "maximize", "depth": "minimize"})
    best_of_snapshots: ClassVar[bool] = True

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        return scores_of_mean(embedded, seed)


@dataclass(frozen=True)
class LastMean(Probe):
    """The mean feature of the evaluation split, of the last epoch only."""

    metrics: ClassVar[Metrics] = {"height": "maximize", "depth": "minimize"}

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        return scores_of_mean(embedded, seed)


def view(value: float) -> Embedded:
    features = Features(np.full((2, 1), value, np.float32), np.array([0, 1]))
    return Embedded(features, features, features)


def test_with_best_declares_the_best_of_every_metric() -> None:
    assert with_best({"nmi": "maximize", "error": "minimize"}) == {
        "nmi": "maximize",
        "error": "minimize",
        "best_nmi": "maximize",
        "best_error": "minimize",
    }
    assert {"accuracy", "best_accuracy"} <= Clustering.metrics.keys()


def test_score_all_returns_the_last_epoch_and_the_best_of_each_metric() -> None:
    scores = score_all({"mean": Mean(), "last": LastMean()}, [view(2.0), view(5.0), view(1.0), view(3.0)], seed=10)
    assert scores == {
        "mean/height": 13.0,
        "mean/depth": 13.0,
        "mean/best_height": 15.0,  # of the second view
        "mean/best_depth": 11.0,  # of the third
        "last/height": 13.0,
        "last/depth": 13.0,
    }


def test_the_last_epoch_can_be_the_best() -> None:
    assert score_all({"mean": Mean()}, [view(2.0), view(5.0)], seed=0)["mean/best_height"] == 5.0


def test_a_single_view_has_no_best_metrics() -> None:
    assert score_all({"mean": Mean()}, [view(2.0)], seed=0) == {"mean/height": 2.0, "mean/depth": 2.0}


def test_a_single_view_has_best_metrics_where_several_snapshots_were_configured() -> None:
    scores = score_all({"mean": Mean()}, [view(2.0)], seed=0, snapshots=10)
    assert scores == {"mean/height": 2.0, "mean/depth": 2.0, "mean/best_height": 2.0, "mean/best_depth": 2.0}


def test_the_best_of_clustering_is_taken_over_the_views(separated: Embedded, permuted: Embedded) -> None:
    scores = score_all({"clustering": Clustering()}, [separated, permuted], seed=0)
    assert scores["clustering/best_accuracy"] == scores["clustering/best_nmi"] == scores["clustering/best_ari"] == 1.0
    assert scores["clustering/accuracy"] < 0.5
    assert scores.keys() == {f"clustering/{name}" for name in Clustering.metrics}
