"""CPC: how inputs are cut into pieces, and the loss compared with a reference in plain loops."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.events import EpochEnd
from ablate.methods.cpc import CPC, pair_scores
from ablate.methods.method import Tensors
from ablate.methods.parts import through
from ablate.options import build
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.recipe import Recipe

SMALL: dict[str, Any] = {"latent_dim": 3, "filters": 2, "hidden": 4, "patch": 3, "stride": 2, "segments": 4}
SHAPES = pytest.mark.parametrize("shape", [(11,), (2, 7, 9)])
B = 5


def start(method: CPC, shape: tuple[int, ...]) -> tuple[Tensors, Tensors, Tensor]:
    generator = torch.Generator().manual_seed(0)
    params, state = method.init(DataInfo(shape, 20, 2, B), generator)
    return params, state, torch.rand(B, *shape, generator=generator)


def test_images_are_cut_into_columns_of_patches() -> None:
    image = torch.arange(16.0).view(1, 1, 4, 4)
    pieces = CPC(patch=2, stride=2).pieces(image)
    assert pieces.shape == (1, 2, 2, 1, 2, 2)
    assert pieces[0, 0, :, 0].tolist() == [[[0, 1], [4, 5]], [[8, 9], [12, 13]]]
    assert pieces[0, 1, 1, 0].tolist() == [[10, 11], [14, 15]]


def test_images_of_28_pixels_give_nine_overlapping_patches() -> None:
    pieces = CPC().pieces(torch.arange(28.0 * 28).view(1, 1, 28, 28))
    assert pieces.shape == (1, 3, 3, 1, 14, 14)
    assert torch.equal(pieces[0, 0, 0, 0, 7:], pieces[0, 0, 1, 0, :7])


def test_vectors_are_cut_into_equal_segments_and_padded() -> None:
    pieces = CPC(segments=2).pieces(torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]))
    assert pieces.tolist() == [[[[[1, 2, 3]], [[4, 5, 0]]]]]


def test_pair_scores_by_hand() -> None:
    """Two inputs, two rows: predictions 1 and 3 for codes 1 and 2."""
    codes = torch.tensor([[10.0, 1.0], [20.0, 2.0]]).view(2, 1, 2, 1)
    predicted = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1, 1)
    assert pair_scores(predicted, codes).tolist() == [[[1, 2], [3, 6]]]


def test_predictions_are_scored_with_codes_at_their_distance() -> None:
    """Three rows, two distances: from row 1 to 2, from 2 to 3, and from 1 to 3."""
    codes = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 3, 1)
    predicted = torch.tensor([[10.0, 100.0], [1000.0, 7.0]]).view(1, 1, 2, 2, 1)  # there is no code for the 7
    assert pair_scores(predicted, codes).flatten().tolist() == [20, 3000, 300]


@SHAPES
@pytest.mark.parametrize("ahead", [1, 2])
def test_the_loss_equals_that_of_a_reference_loop(shape: tuple[int, ...], ahead: int) -> None:
    method = CPC(**SMALL, ahead=ahead)
    params, state, x = start(method, shape)
    codes, _ = method.codes(params, state, x, training=True)
    structure = method.structure(shape)
    losses, hits = [], []
    for column in range(codes.shape[1]):
        for row in range(codes.shape[2] - 1):
            read = codes[:, column, : row + 1]
            context = through(structure, "context", params, state, read, training=True)[0][:, -1]
            maps = params["predictor.weight"].view(ahead, 3, 4), params["predictor.bias"].view(ahead, 3)
            for k in range(min(ahead, codes.shape[2] - 1 - row)):
                predicted = context @ maps[0][k].T + maps[1][k]
                for i in range(B):
                    scores = torch.stack([predicted[i] @ codes[j, column, row + 1 + k] for j in range(B)])
                    losses.append(scores.exp().sum().log() - scores[i])
                    hits.append(float(scores.argmax() == i))
    loss, shown, after = method.loss(params, state, {"input": x}, {})
    torch.testing.assert_close(loss, torch.stack(losses).mean())
    assert shown["accuracy"].item() == pytest.approx(sum(hits) / len(hits))
    assert after.keys() == state.keys()
    assert after["encoder.1.running_mean"].any()


def test_the_loss_of_equal_inputs_is_the_logarithm_of_the_batch_size() -> None:
    method = CPC(**SMALL, batchnorm=False)
    params, state, x = start(method, (11,))
    loss, _, _ = method.loss(params, state, {"input": x[:1].expand(B, 11)}, {})
    assert loss.item() == pytest.approx(math.log(B))


@SHAPES
def test_the_features_are_the_mean_code_of_all_pieces(shape: tuple[int, ...]) -> None:
    method = CPC(**SMALL)
    params, state, x = start(method, shape)
    pieces = method.pieces(x)[0].flatten(0, 1)
    codes, _ = through(method.structure(shape), "encoder", params, state, pieces, training=False)
    torch.testing.assert_close(method.embed(params, state, x)[0], codes.mean(0))


@pytest.mark.slow
def test_training_learns_to_identify_later_pieces() -> None:
    """50 waves that differ in phase: accuracy by chance is 1 / 50."""
    phases = torch.arange(50) * (2 * math.pi / 50)
    waves = (torch.linspace(0, 12, 64) + phases[:, None]).sin()
    data = TrainingSet(waves, torch.zeros(50).long(), 1.0)
    recipe = Recipe(epochs=100, batch_size=50, learning_rate=3e-3, late_from=1.0)
    fit = Fit([CPC(filters=4, hidden=32, batchnorm=False)], [recipe], [0], data, torch.device("cpu"))
    events = [event for events in fit.steps() for event in events if isinstance(event, EpochEnd)]
    assert events[0].values["accuracy"] < 0.1
    assert events[-1].values["accuracy"] > 0.3


def test_parameters_are_of_the_order_of_table_1() -> None:
    """Images 1.27 million, vectors 3.85 million in the paper; convolutions 25 (1 + 128 + 512) 64² / 64 and so on."""

    def size(method: CPC, shape: tuple[int, ...]) -> int:
        return sum(parameter.numel() for parameter in method.structure(shape).parameters())

    recurrent = 3 * 128 * (10 + 128 + 2) + 128 * 20 + 20
    images = 25 * (64 + 2 * 64**2 + 8 * 64**2) + 3 * 7 * 64 + 256 * 10 + 10
    vectors = 5 * (256 + 2 * 256**2 + 8 * 256**2) + 3 * 7 * 256 + 1024 * 10 + 10
    assert size(CPC(), (1, 28, 28)) == images + recurrent == 1_085_854
    assert size(CPC(filters=256), (1024,)) == vectors + recurrent


@pytest.mark.parametrize(
    ("settings", "info", "sentence"),
    [
        (
            {},
            DataInfo((1, 8, 12), 3000, 10, 256),
            "patch 14 is larger than the images of 8 x 12 pixels; use method.patch of at most 8",
        ),
        (
            {},
            DataInfo((6,), 3000, 10, 256),
            "segments 8 are more than the data's 6 dimensions; use method.segments of at most 6",
        ),
        (
            {"ahead": 3},
            DataInfo((1, 28, 28), 3000, 10, 256),
            "ahead 3 leads beyond the 3 pieces of a sequence; use method.ahead of at most 2",
        ),
        (
            {"patch": 22},
            DataInfo((1, 28, 28), 3000, 10, 256),
            "ahead 2 leads beyond the 1 pieces of a sequence; use a smaller method.patch",
        ),
        (
            {},
            DataInfo((64,), 3000, 10, 1),
            "batches of 1 hold nothing to contrast with; use a larger training.batch_size",
        ),
        (
            {},
            DataInfo((64,), 200, 10, 256),
            "batch size 256 is larger than the 200 samples of the training set; use training.batch_size of at most 200",
        ),
    ],
)
def test_impossible_options_are_refused(settings: dict[str, Any], info: DataInfo, sentence: str) -> None:
    with pytest.raises(StudyError) as refused:
        CPC(**settings).check(info)
    assert str(refused.value) == sentence


def test_possible_options_are_not_refused() -> None:
    CPC().check(DataInfo((1, 28, 28), 60000, 10, 256))
    build(CPC, CPC.datasets["digits"]).check(DataInfo((1, 8, 8), 1437, 10, 256))
    CPC(segments=3).check(DataInfo((3,), 256, 10, 256))
