"""Spread and effective rank of embeddings, by hand; warnings of a collapse, and of a loss that has diverged."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ablate.data.cache import load_data
from ablate.events import Ended, State
from ablate.methods import METHODS
from ablate.options import Value
from ablate.paths import StudyPaths
from ablate.planning.resolve import resolve_config
from ablate.run import run_pack
from ablate.run_context import RunContext
from ablate.track.spool import SpoolTracker, history
from ablate.training_faults import (
    COLLAPSED,
    EFFECTIVE_RANK,
    RELATIVE_STD,
    STD,
    collapse_warning,
    collapsed,
    diverged,
    divergence_warning,
    exploded,
    spread,
    warnings_of,
)
from ablate.trial import Trial

CROSS = np.array([[3, 0], [-3, 0], [0, 1], [0, -1]], np.float32)  # singular values 3 √2 and √2


def test_spread_by_hand() -> None:
    """Variances 18/4 and 2/4, mean square length 20/4; shares 3/4 and 1/4 of the singular values."""
    found = spread(CROSS)
    assert found[STD] == pytest.approx((math.sqrt(4.5) + math.sqrt(0.5)) / 2)
    assert found[RELATIVE_STD] == pytest.approx(1)
    assert found[EFFECTIVE_RANK] == pytest.approx(4 * 3**-0.75)


@pytest.mark.parametrize("scale", [1e-30, 1e-4, 1e30])
def test_the_relative_spread_and_the_rank_do_not_depend_on_the_scale(scale: float) -> None:
    found, scaled = spread(CROSS), spread((scale * CROSS.astype(np.float64)).astype(np.float32))
    assert scaled[STD] == pytest.approx(scale * found[STD])
    assert (scaled[RELATIVE_STD], scaled[EFFECTIVE_RANK]) == pytest.approx((found[RELATIVE_STD], found[EFFECTIVE_RANK]))


def test_embeddings_far_from_the_origin_vary_little_of_their_length() -> None:
    found = spread(CROSS + 100)
    assert found[RELATIVE_STD] == pytest.approx(math.sqrt(5 / (2 * 100**2 + 5)), rel=1e-4)
    assert found[EFFECTIVE_RANK] == pytest.approx(4 * 3**-0.75, rel=1e-4)


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_constant_embeddings_have_no_spread_and_no_rank(value: float) -> None:
    assert spread(np.full((5, 3), value, np.float32)) == {STD: 0, RELATIVE_STD: 0, EFFECTIVE_RANK: 0}


def test_embeddings_on_a_line_have_rank_one_and_equal_directions_the_full_rank() -> None:
    line = np.outer(np.arange(-3, 4), [1, 2, 3]).astype(np.float32)
    assert spread(line)[EFFECTIVE_RANK] == pytest.approx(1, abs=1e-3)
    assert spread(np.vstack([np.eye(64), -np.eye(64)]).astype(np.float32))[EFFECTIVE_RANK] == pytest.approx(64)


def test_more_dimensions_than_samples_are_measured_alike() -> None:
    wide = np.hstack([CROSS, np.zeros((4, 9), np.float32)])
    assert spread(wide)[EFFECTIVE_RANK] == pytest.approx(spread(CROSS)[EFFECTIVE_RANK])


def test_a_single_embedding_has_no_spread() -> None:
    assert spread(CROSS[:1]) == {}
    assert collapsed({}, 3) == {}
    assert collapse_warning({}) == ""


def judged(embeddings: NDArray[np.float32]) -> str:
    metrics = spread(embeddings)
    return collapse_warning(metrics | collapsed(metrics, embeddings.shape[1]))


def test_nearly_constant_embeddings_are_told_with_their_spread() -> None:
    assert judged(CROSS + 1e4) == (
        "the embeddings have collapsed: their standard deviation is 1.4, 0.02% of their length; check the weights of "
        "the loss and the learning rate"
    )
    assert judged(CROSS) == judged(1e-6 * CROSS) == judged(CROSS + 30) == ""


def test_embeddings_on_a_line_have_collapsed_in_three_dimensions_or_more() -> None:
    line = np.outer(np.arange(-3, 4), [1, 2, 3]).astype(np.float32)
    assert judged(line) == (
        "the embeddings have collapsed: they lie on a line, with an effective rank of 1; check the weights of the loss "
        "and the learning rate"
    )
    assert judged(line[:, :2]) == judged(line[:, :1]) == ""


def told(*losses: float) -> str:
    return divergence_warning(diverged(losses))


def test_a_loss_has_diverged_where_its_end_is_far_above_its_lowest_value() -> None:
    """A rise counts from half of the fall and of the size: from 2.3 to 0.1 and back to 1.3, above 0.1 + 2.3 / 2."""
    warning = "training has diverged: the loss ends far above its lowest value; lower the learning rate"
    assert told(2.3, 0.1, 0.4, 0.9, 1.3) == warning
    assert told(2.3, 0.1, 0.4, 0.9, 1.2) == ""
    assert told(1, 2, 4, 8, 16) == told(-5, -10, -5, -4, 0.1) == warning
    assert told(-5, -10, -9, -8, -6) == ""


def test_the_end_of_a_loss_is_the_median_of_its_last_tenth() -> None:
    assert told(*[2.0] * 40, 9.0) == ""
    assert told(*[2.0] * 38, 9.0, 9.0, 9.0) != ""
    assert told(*[9.0] * 10, *[2.0] * 30, 9.0) == ""


def test_losses_of_few_epochs_and_losses_that_are_noise_are_not_judged() -> None:
    assert diverged([1.0, 9.0, 99.0, 999.0]) == diverged([]) == {}
    assert told(3.25, 2.5, 3.4, 2.9, 3.23) == ""


def test_methods_whose_loss_changes_its_meaning_are_not_judged_by_it() -> None:
    """Adversaries, and targets that follow the encoder; only those, so that a method is left out by decision."""
    assert {name for name, method in METHODS.items() if method.objectives and not method.comparable_loss} == {
        "aae",
        "invariant",
        "moco",
        "moco-v2",
        "swav",
    }


def vicreg(**settings: Value) -> Trial:
    given = {
        "method.network": "simvae-mlp",
        "method.width": 4,
        "method.latent_dim": 10,
        "training.epochs": 6,
        "training.batch_size": 64,
        "training.learning_rate": 3e-3,
    }
    config = resolve_config(
        "vicreg", "digits", {**given, **{f"method.{name}": one for name, one in settings.items()}}, 0
    )
    return Trial(config, {}, "study")


def scored(trial: Trial, folder: Path) -> tuple[dict[str, float], str]:
    """The last recorded values of a trial that was trained, and its log."""
    paths = StudyPaths(folder / "study")
    load_data("digits", folder / "tensors")
    with SpoolTracker(paths) as tracker:
        context = RunContext(paths, folder / "tensors", tracker, torch.device("cpu"))
        ended = [update for update in run_pack([trial], context) if isinstance(update, Ended)]
        assert [one.state for one in ended] == [State.FINISHED], ended
    curves = history(paths.trial(trial.key).spool)
    return {name: curve[-1][1] for name, curve in curves.items()}, paths.trial(trial.key).log.read_text("utf-8")


def test_vicreg_without_variance_and_covariance_collapses_and_its_log_says_so(tmp_path: Path) -> None:
    metrics, log = scored(
        vicreg(variance_weight=0.0, covariance_weight=0.0, augmentation="simvae-fashion-mnist"), tmp_path
    )
    assert metrics[COLLAPSED] == 1
    assert "warning: the embeddings have collapsed: their standard deviation is" in log


def test_vicreg_with_its_own_weights_does_not_collapse(tmp_path: Path) -> None:
    metrics, log = scored(vicreg(augmentation="simvae-fashion-mnist"), tmp_path)
    assert (metrics[COLLAPSED], "warning" in log) == (0, False)
    assert 1 < metrics[EFFECTIVE_RANK] <= 10


def test_embeddings_of_a_huge_size_are_a_divergence_whatever_the_loss_does() -> None:
    huge = {"embedding/std": 5.6e10, "embedding/relative_std": 0.28, "embedding/effective_rank": 2.2}
    assert exploded(huge) == {"training/diverged": 1.0}
    assert exploded({**huge, "embedding/std": 30.0}) == {}
    assert warnings_of(huge | exploded(huge)) == (
        "training has diverged: the embeddings have a standard deviation of 5.6e+10; lower the learning rate",
    )
