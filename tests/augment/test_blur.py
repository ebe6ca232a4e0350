"""Gaussian blur equals torchvision's, with a standard deviation per image."""

import pytest
import torch

from ablate.augment.blur import Blur, blur, gaussian_weights
from ablate.deferred import Deferred
from ablate.errors import StudyError

F = Deferred("torchvision.transforms.v2.functional")  # its import takes eight seconds of each worker


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_blur_equals_torchvisions_for_every_image() -> None:
    images, sigma = torch.rand(6, 3, 9, 12, generator=generator()), torch.linspace(0.1, 2.0, 6)
    expected = [F.gaussian_blur(image, [9, 9], [width.item()]) for image, width in zip(images, sigma, strict=True)]
    torch.testing.assert_close(blur(images, sigma, 9), torch.stack(expected), atol=1e-5, rtol=0)


def test_gaussian_weights_sum_to_one() -> None:
    """With σ² = 1 / (2 log 2) a neighbour has half the weight of the centre: 1/4, 1/2, 1/4."""
    sigma = torch.tensor([2 * torch.tensor(2.0).log()]).rsqrt()
    torch.testing.assert_close(gaussian_weights(sigma, 3), torch.tensor([[0.25, 0.5, 0.25]]))


def test_sigma_is_uniform_and_half_of_the_images_are_not_blurred() -> None:
    """A single bright pixel becomes w(σ)² at its place: less than w(s)² in 0.5 (2 - s) / 1.9 of the images."""
    images = torch.zeros(5000, 1, 9, 9)
    images[:, :, 4, 4] = 1
    kept = Blur()(images, generator())[:, 0, 4, 4]
    for least in (0.4, 0.8, 1.2, 1.6):
        centre = gaussian_weights(torch.tensor([least]), 9)[0, 4]
        assert abs((kept < centre**2).float().mean() - 0.5 * (2 - least) / 1.9) < 0.03
    assert kept.min() > 0.99 * gaussian_weights(torch.tensor([2.0]), 9)[0, 4] ** 2


def test_images_too_small_for_reflection_padding_are_refused() -> None:
    assert Blur().check((3, 5, 5)) == (3, 5, 5)
    with pytest.raises(
        StudyError, match="blur over 9 pixels is larger than images of 4 x 8 allow; use images of at least"
    ):
        Blur().check((3, 4, 8))
