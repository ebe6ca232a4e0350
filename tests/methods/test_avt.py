"""AVT's loss, and the draws and codes that it shares with the other methods of transformation equivariance."""

import math
from typing import Any

import pytest
import torch

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods.avt import AVT, predicted_variance_nll
from ablate.methods.method import Tensors
from ablate.methods.transformations import reparameterized, unit_gaussian_nll
from ablate.options import build
from ablate.train.recipe import Recipe

SHAPE = (3, 16, 16)
SMALL: dict[str, Any] = {"width": 8, "latent_dim": 2, "hidden": 4}
INFO = DataInfo(SHAPE, 12, 2, 4)
IMAGES = torch.rand(12, *SHAPE, generator=torch.Generator().manual_seed(0))
MEAN = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
STD = torch.tensor([0.2023, 0.1994, 0.2010]).view(3, 1, 1)
Start = tuple[Tensors, Tensors, Tensors]


def started(method: AVT) -> Start:
    """Parameters, state and noise."""
    generator = torch.Generator().manual_seed(0)
    return *method.init(INFO, generator), method.draw({"input": IMAGES[:4]}, generator)


def loss(method: AVT, start: Start, **noise: torch.Tensor) -> float:
    params, state, drawn = start
    return method.loss(params, state, {}, {**drawn, **noise})[0].item()


def test_the_standard_deviation_of_codes_is_exp_of_half_the_log_variance() -> None:
    """μ = (1, 0), σ² = (9, 1), e = (2, −1): 1 + 3 · 2 and −1."""
    encoded = torch.tensor([[1.0, 0.0, 2 * math.log(3), 0.0]])
    assert reparameterized(encoded, torch.tensor([[2.0, -1.0]])).flatten().tolist() == pytest.approx([7, -1])


def test_the_nll_is_summed_over_dimensions_and_averaged_over_the_batch() -> None:
    """½ (1 + 4) and ½ (9 + 0), mean 3.5."""
    assert unit_gaussian_nll(torch.tensor([[1.0, 2], [3, 4]]), torch.tensor([[0.0, 0], [0, 4]])).item() == 3.5


def test_a_predicted_log_variance_is_a_thousandth_of_the_output() -> None:
    """Outputs 0: errors 1 and 2 cost 5 / 1.0001.  Output 1000: σ² = e, an error of 1 costs 1 + 1 / (e + 10⁻⁴)."""
    flat = predicted_variance_nll(torch.tensor([[1.0, 2]]), torch.zeros(1, 2), torch.zeros(1, 2))
    assert flat.item() == pytest.approx(5 / 1.0001)
    wide = predicted_variance_nll(torch.ones(2, 1), torch.zeros(2, 1), torch.full((2, 1), 1000.0))
    assert wide.item() == pytest.approx(1 + 1 / (math.e + 1e-4))


@pytest.mark.parametrize(("used", "unused"), [("tx", "x"), ("x", "tx")])
def test_the_decoder_takes_the_code_of_the_warp_then_that_of_the_image(used: str, unused: str) -> None:
    """With half of its columns cut, the decoder is blind to one of the two."""
    method = AVT(**SMALL)
    params, state, noise = started(method)
    columns = {"tx": slice(0, 2), "x": slice(2, 4)}
    first = params["decoder.1.weight"].clone()
    first[:, columns[unused]] = 0
    start = {**params, "decoder.1.weight": first}, state, noise
    place = {"x": 0, "tx": 1}
    moved = noise["normal"].clone()
    moved[place[unused]] += torch.arange(8).view(4, 2)
    assert loss(method, start, normal=moved) == loss(method, start)
    moved = noise["normal"].clone()
    moved[place[used]] += torch.arange(8).view(4, 2)
    assert loss(method, start, normal=moved) != loss(method, start)


def test_one_encoder_encodes_the_images_then_the_warps() -> None:
    """Running means move by a tenth of the way twice: 0.09 of the first batch's and 0.1 of the second's."""
    method = AVT(**SMALL)
    params, state, noise = started(method)
    name = next(name for name in state if "running_mean" in name)

    def moved(images: torch.Tensor, warps: torch.Tensor) -> torch.Tensor:
        return method.loss(params, state, {}, {**noise, "view": torch.stack([images, warps])})[2][name]

    x, tx = noise["view"]
    nothing = torch.zeros_like(x)
    torch.testing.assert_close(moved(x, nothing), 0.9 * moved(nothing, x))
    torch.testing.assert_close(moved(x, tx), moved(x, nothing) + moved(nothing, tx))


def test_without_noise_codes_are_means() -> None:
    start = started(AVT(**SMALL))
    method = AVT(**SMALL, code_noise=0.0)
    assert loss(method, start) == loss(method, start, normal=torch.zeros(2, 4, 2))
    assert loss(AVT(**SMALL), start) != loss(method, start)


def test_output_variance_predicted_has_a_variance_for_every_coefficient() -> None:
    """A decoder that outputs (1, …) and 1000 for t = 0: each of eight costs 1 + 1 / (e + 10⁻⁴)."""
    method = AVT(**SMALL, code_noise=0.001, output_variance="predicted")
    params, state, noise = started(method)
    blind = {name: torch.zeros_like(tensor) for name, tensor in params.items()}
    last = [name for name in blind if name.startswith("decoder.") and name.endswith("bias")][-1]
    blind[last] = torch.tensor([1.0] * 8 + [1000.0] * 8)
    found = loss(method, (blind, state, noise), target=torch.zeros(4, 8))
    assert found == pytest.approx(8 + 8 / (math.e + 1e-4))


def test_features_are_means_of_normalized_images() -> None:
    """All tensors are 0, except biases of 1 for the mean and 2 for the log variance."""
    method = AVT(**SMALL)
    params, state, _ = started(method)
    blank = {name: torch.zeros_like(tensor) for name, tensor in params.items()}
    last = [name for name in blank if name.startswith("encoder.") and name.endswith("bias")][-1]
    blank[last] = torch.tensor([1.0, 1.0, 2.0, 2.0])
    assert method.embed(blank, state, IMAGES[:1]).tolist() == [[1, 1]]
    mean, log_variance = method.posterior(blank, state, IMAGES[:1])
    assert mean.tolist() == [[1, 1]]
    assert log_variance.tolist() == [[2, 2]]


def test_views_are_crops_in_the_range_of_images() -> None:
    view = AVT(**SMALL).view(IMAGES, torch.Generator().manual_seed(0))
    assert view.shape == IMAGES.shape
    assert -1e-6 < view.min() < view.max() < 1 + 1e-6
    assert not torch.equal(view, IMAGES)


def test_views_in_training_are_normalized_images_and_their_warps() -> None:
    """White is (1 − mean) / std; pixels from outside of the image have the grey level `fill`."""
    white = {"input": torch.ones(40, *SHAPE)}
    image, warped = AVT(**SMALL, fill=0.5).draw(white, torch.Generator().manual_seed(0))["view"]
    torch.testing.assert_close(image[:, :, 8, 8], ((1 - MEAN) / STD).view(3).expand(40, 3))
    lightness = warped * STD + MEAN
    assert (lightness - 0.5).abs().lt(1e-5).any()
    image, warped = AVT(**SMALL, fill=1.0).draw(white, torch.Generator().manual_seed(0))["view"]
    assert image.shape == warped.shape == (40, *SHAPE)


def test_grey_images_are_neither_cropped_nor_normalized() -> None:
    """x is the input itself."""
    method = AVT(**SMALL, augmentation="none")
    images = IMAGES[:4, :1]
    info = DataInfo((1, 16, 16), 12, 2, 4)
    method.check(info)
    generator = torch.Generator().manual_seed(0)
    params, state = method.init(info, generator)
    noise = method.draw({"input": images}, generator)
    assert torch.equal(noise["view"][0], images)
    assert noise["view"][1].min() >= 0
    assert noise["view"][1].max() <= 1
    assert method.loss(params, state, {}, noise)[0].isfinite()


def test_draws_do_not_depend_on_the_fill() -> None:
    batch = {"input": IMAGES[:4]}
    grey, black = (AVT(**SMALL, fill=fill).draw(batch, torch.Generator().manual_seed(0)) for fill in (0.5, 0.0))
    assert all(torch.equal(grey[name], black[name]) for name in ("target", "normal"))


def test_targets_map_every_pixel_of_a_warp_to_its_place_in_the_image() -> None:
    """With the scaling of t undone, a pixel of the warp is as bright as the mapped one, in images that show places.

    t = (coefficients − (0, 0, 16, 0, 0, 16, 0, 0)) / (1, 1, 20, 1, 1, 20, 0.015, 0.015) on images of 32 pixels.
    """
    place = (torch.arange(32) + 0.5) / 32
    ramps = torch.stack([place.expand(32, 32), place.view(32, 1).expand(32, 32), torch.ones(32, 32)])
    method = AVT(**SMALL)
    noise = method.draw({"input": ramps.expand(64, 3, 32, 32)}, torch.Generator().manual_seed(0))
    image, warped = noise["view"] * STD + MEAN
    scale = torch.tensor([1, 1, 20, 1, 1, 20, 0.015, 0.015])
    a, b, c, d, e, f, g, h = (noise["target"] * scale + torch.tensor([0, 0, 16, 0, 0, 16, 0, 0])).T
    X, Y = 18.5, 13.5  # the middle of a pixel
    x, y = (a * X + b * Y + c) / (g * X + h * Y + 1), (d * X + e * Y + f) / (g * X + h * Y + 1)
    for n in range(64):
        expected = image[n, :2, int(y[n]), int(x[n])]
        assert (warped[n, :2, 13, 18] - expected).abs().max() < 1 / 32  # a pixel


@pytest.mark.parametrize(
    ("settings", "shape", "batch_size", "sentence"),
    [
        ({}, (1, 16, 16), 4, "images of 1 channels cannot be normalized"),
        ({}, (64,), 4, "are not images"),
        ({"width": 6}, SHAPE, 4, "width 6 of network 'nin' is no multiple of 8; use 8, 16, 24, ..."),
        ({"network": "alexnet"}, SHAPE, 4, "needs images of at least 21 x 21 pixels, the data are 16 x 16; use"),
        ({}, SHAPE, 1, "batch norm cannot work on batches of 1"),
    ],
)
def test_impossible_options_are_refused(
    settings: dict[str, Any], shape: tuple[int, ...], batch_size: int, sentence: str
) -> None:
    with pytest.raises(StudyError, match=sentence):
        AVT(**SMALL | settings).check(DataInfo(shape, 12, 2, batch_size))


def test_nin_takes_images_of_one_pixel() -> None:
    """And alexnet images of 21 x 21."""
    for network, side in {"nin": 1, "alexnet": 21}.items():
        method = build(AVT, {**SMALL, "network": network})
        info = DataInfo((3, side, side), 12, 2, 4)
        method.check(info)
        params, state = method.init(info, torch.Generator().manual_seed(0))
        assert method.embed(params, state, torch.rand(2, 3, side, side)).shape == (2, 2)


def test_the_recipe_of_the_paper_has_a_constant_learning_rate() -> None:
    recipe = build(Recipe, AVT.recipe)
    assert recipe.rate(0.0) == recipe.rate(0.99) == 1e-4
