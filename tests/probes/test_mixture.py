"""Gaussian mixtures of known classes, and comparison with scikit-learn's choice of the best start."""

import numpy as np
import pytest

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.probes.clustering import Clustering
from ablate.probes.mixture import Mixture, averaged
from ablate.probes.probe import Embedded, Features


def crossed(samples: int, seed: int) -> Features:
    """Two elongated Gaussians that cross at right angles: only a full covariance separates them."""
    generator = np.random.default_rng(seed)
    y = np.arange(samples) % 2
    deviations = np.where(y[:, None] == 0, [10.0, 0.1], [0.1, 10.0])
    return Features((deviations * generator.normal(size=(samples, 2))).astype(np.float32), y)


def test_full_covariances_separate_classes_with_equal_means() -> None:
    view = Embedded(crossed(600, 0), crossed(400, 1), crossed(400, 2))
    assert Mixture().score(view, seed=0)["accuracy"] > 0.97
    assert Clustering().score(view, seed=0)["accuracy"] < 0.7


def overlapping(samples: int, seed: int) -> Features:
    """Six Gaussians that overlap."""
    generator = np.random.default_rng(seed)
    y = np.arange(samples) % 6
    centres = np.random.default_rng(0).normal(size=(6, 4)) * 3
    return Features((centres[y] + generator.normal(size=(samples, 4))).astype(np.float32), y)


@pytest.mark.slow
def test_short_runs_and_exhaustive_runs_agree_with_scikit_learn() -> None:
    from sklearn.mixture import GaussianMixture

    train, test = overlapping(3000, 1), overlapping(1000, 2)
    view = Embedded(train, test, test)
    theirs = GaussianMixture(6, n_init=20, random_state=0).fit(train.x.astype(np.float64))
    known = averaged(theirs.predict(test.x.astype(np.float64)), test.y, None)
    assert known["accuracy"] > 0.8
    for probe in (Mixture(short_run_samples=1000), Mixture(exhaustive=True)):
        assert probe.score(view, seed=3) == pytest.approx(known, abs=0.01)


def test_the_most_likely_start_is_used() -> None:
    x = np.random.default_rng(0).uniform(size=(300, 2))  # uniform points: the result depends on the start
    features = Features(x.astype(np.float32), np.arange(300) % 6)
    view = Embedded(features, features, features)
    single = [Mixture(starts=1).fit(x, 6, seed, view).lower_bound_ for seed in range(8)]
    assert max(single) - min(single) > 0.01
    assert Mixture(starts=8, exhaustive=True).fit(x, 6, 0, view).lower_bound_ >= np.median(single)


def test_every_run_is_reported() -> None:
    shares: list[float] = []
    view = Embedded(crossed(60, 0), crossed(60, 1), crossed(60, 2), report_progress=shares.append)
    Mixture(starts=3, long_runs=2).score(view, seed=0)
    assert shares == [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6]
    shares.clear()
    Mixture(starts=3, exhaustive=True).score(view, seed=0)
    assert shares == [0.25, 0.5, 0.75]


def test_the_most_likely_of_the_long_runs_is_used() -> None:
    x = np.random.default_rng(0).uniform(size=(300, 2))
    features = Features(x.astype(np.float32), np.arange(300) % 6)
    view = Embedded(features, features, features)
    one, all_of_them = (Mixture(long_runs=runs).fit(x, 6, 0, view).lower_bound_ for runs in (1, 20))
    assert all_of_them > one


def test_clusters_are_matched_in_each_batch() -> None:
    clusters, labels = np.array([0, 0, 1, 1, 1, 1, 0, 0]), np.array([0, 0, 1, 1, 0, 0, 1, 1])
    assert averaged(clusters, labels, None) == pytest.approx({"accuracy": 0.5, "nmi": 0.0, "ari": -1 / 6})
    assert averaged(clusters, labels, 4) == {"accuracy": 1.0, "nmi": 1.0, "ari": 1.0}
    assert averaged(clusters, labels, 6)["accuracy"] == (4 / 6 + 1.0) / 2


def test_fewer_samples_than_components_are_refused() -> None:
    with pytest.raises(StudyError, match="9 samples cannot form 10 components; set short_run_samples to 10 at least"):
        Mixture().check(DataInfo(probed=9, evaluation=1000, classes=10))
    with pytest.raises(StudyError, match="5 samples cannot form 10 components"):
        Mixture(short_run_samples=5).check(DataInfo(probed=1000, evaluation=1000, classes=10))
