"""Crops and flips equal torchvision's, and their boxes have the same distribution."""

import pytest
import torch
from torch import Tensor

from ablate.augment.geometry import (
    Flip,
    PaddedCrop,
    ResizedCrop,
    center_crop,
    central_box,
    draw_boxes,
    resized_crop,
    windows,
)
from ablate.deferred import Deferred
from ablate.errors import StudyError

F = Deferred("torchvision.transforms.v2.functional")  # its import takes eight seconds of each worker

MANY = 20_000


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ramp(count: int, height: int, width: int) -> Tensor:
    """Images whose pixels have the values 0, 1, 2, ... from the upper left, row by row."""
    return torch.arange(float(height * width)).view(1, 1, height, width).repeat(count, 1, 1, 1)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("size", [(16, 16), (9, 14)])
def test_resized_crop_equals_torchvisions(size: tuple[int, int], antialias: bool) -> None:
    images = torch.rand(40, 3, *size, generator=generator())
    boxes = draw_boxes(images, (0.08, 1.0), (3 / 4, 4 / 3), generator(1))
    expected = [
        F.resized_crop(image, *(int(number) for number in box), size=list(size), antialias=antialias)
        for image, box in zip(images, boxes, strict=True)
    ]
    torch.testing.assert_close(resized_crop(images, boxes), torch.stack(expected), atol=1e-5, rtol=0)


def test_a_crop_of_two_columns_is_interpolated_only_between_them() -> None:
    """The middle two of 0 1 2 3 are sampled at 1 - 1/4, 1 + 1/4, 2 - 1/4 and 2 + 1/4, clamped to 1 ... 2."""
    found = resized_crop(ramp(1, 1, 4), torch.tensor([[0, 1, 1, 2]]))
    torch.testing.assert_close(found.flatten(), torch.tensor([1.0, 1.25, 1.75, 2.0]))


def test_a_crop_of_the_whole_image_is_the_image() -> None:
    images = torch.rand(3, 3, 8, 8, generator=generator())
    torch.testing.assert_close(resized_crop(images, torch.tensor([[0, 0, 8, 8]]).repeat(3, 1)), images)


def test_boxes_lie_in_the_image_with_uniform_area_and_log_uniform_aspect() -> None:
    top, left, height, width = draw_boxes(torch.empty(MANY, 1, 64, 64), (0.3, 0.6), (0.75, 1.3), generator()).unbind(1)
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 64).all()
    assert (left + width <= 64).all()
    area, aspect = height * width / 64**2, width / height
    assert area.min() > 0.28  # rounding moves a side by half a pixel at most
    assert area.max() < 0.62
    assert abs(area.mean() - 0.45) < 0.003  # uniform: seven standard errors of 0.3 / √12 / √20000
    assert aspect.min() > 0.72
    assert aspect.max() < 1.34
    assert abs(aspect.log().mean() - (torch.tensor([0.75, 1.3]).log().mean())) < 0.008  # log-uniform


def test_boxes_have_torchvisions_distribution() -> None:
    from torchvision.transforms.v2 import RandomResizedCrop

    with torch.random.fork_rng():
        torch.manual_seed(0)
        transform, image = RandomResizedCrop(32), torch.empty(3, 32, 32)
        theirs = [tuple(transform.make_params([image])[key] for key in ("top", "height", "width")) for _ in range(2000)]
    expected = torch.tensor(theirs, dtype=torch.float)
    found = draw_boxes(torch.empty(MANY, 3, 32, 32), (0.08, 1.0), (3 / 4, 4 / 3), generator())[:, [0, 2, 3]]
    error = expected.std(0) / 2000**0.5
    assert ((found.mean(0) - expected.mean(0)).abs() < 5 * error).all()
    assert ((found.std(0) - expected.std(0)).abs() < 5 * error).all()


def test_all_positions_of_a_box_are_equally_likely() -> None:
    """A box of half the area of a 4 x 2 image with aspect 1 is 2 x 2: its top is 0, 1 or 2, its left 0."""
    boxes = draw_boxes(torch.empty(MANY, 1, 4, 2), (0.5, 0.5), (1.0, 1.0), generator())
    assert (boxes[:, 2:] == 2).all()
    assert (boxes[:, 1] == 0).all()
    share = torch.bincount(boxes[:, 0].long(), minlength=3) / MANY
    assert (share - 1 / 3).abs().max() < 0.02


def test_the_central_box_is_taken_where_no_random_box_fits() -> None:
    """In a 20 x 4 image no box of aspect 3/4 ... 4/3 has the whole area; the largest is 5 x 4, at row 7."""
    boxes = draw_boxes(torch.empty(5, 1, 20, 4), (1.0, 1.0), (3 / 4, 4 / 3), generator())
    assert boxes.tolist() == [[7, 0, 5, 4]] * 5
    assert central_box((4, 20), (3 / 4, 4 / 3)) == (4, 5)
    assert central_box((8, 8), (3 / 4, 4 / 3)) == (8, 8)


def test_windows_start_at_the_given_row_and_column() -> None:
    found = windows(ramp(2, 3, 4), torch.tensor([0, 1]), torch.tensor([2, 1]), (2, 2))
    assert found.flatten(1).tolist() == [[2, 3, 6, 7], [5, 6, 9, 10]]


def test_a_padded_crop_equals_torchvisions_at_one_position() -> None:
    images = torch.rand(6, 3, 8, 8, generator=generator())
    for mode in ("constant", "reflect"):
        found = PaddedCrop(padding=4, mode=mode)(images, generator(2))
        for image, crop in zip(images, found, strict=True):
            padded = F.pad(image, [4], padding_mode=mode)
            crops = [F.crop(padded, top, left, 8, 8) for top in range(9) for left in range(9)]
            assert sum(torch.equal(crop, other) for other in crops) == 1


def test_all_shifts_of_a_padded_crop_are_equally_likely() -> None:
    """An image of one bright pixel at (1, 1), padded by 1: it is found at each of 3 x 3 positions."""
    images = torch.zeros(MANY, 1, 3, 3)
    images[:, :, 1, 1] = 1
    found = PaddedCrop(padding=1)(images, generator())
    assert (found.mean(0) - 1 / 9).abs().max() < 0.015


def test_a_padded_crop_may_be_smaller_than_the_image_but_not_larger_than_the_padded_one() -> None:
    crop = PaddedCrop(padding=0, size=4)
    assert crop(torch.rand(2, 1, 6, 5), generator()).shape == (2, 1, 4, 4)
    assert crop.check((1, 6, 5)) == (1, 4, 4)
    with pytest.raises(StudyError, match="crop of 32 pixels is larger than images of 8 x 9 padded by 4; use images of"):
        PaddedCrop(padding=4, size=32).check((3, 8, 9))


def test_images_too_small_for_reflection_padding_are_refused() -> None:
    assert PaddedCrop(padding=4, mode="reflect").check((1, 5, 5)) == (1, 5, 5)
    with pytest.raises(StudyError, match="cannot be padded with 4 reflected ones; use images of at least 5"):
        PaddedCrop(padding=4, mode="reflect").check((1, 4, 8))


def test_flips_equal_torchvisions_and_change_half_of_the_images() -> None:
    images = torch.rand(2000, 1, 3, 4, generator=generator())
    for flip, mirror in ((Flip("horizontal"), F.horizontal_flip), (Flip("vertical"), F.vertical_flip)):
        found = flip(images, generator(1))
        mirrored = (found == mirror(images)).flatten(1).all(1)
        assert (mirrored | (found == images).flatten(1).all(1)).all()
        assert abs(mirrored.float().mean() - 0.5) < 0.05


def test_center_crop_equals_torchvisions() -> None:
    images = torch.rand(2, 3, 11, 10, generator=generator())
    torch.testing.assert_close(center_crop(images, (8, 7)), F.center_crop(images, [8, 7]), atol=0, rtol=0)


def test_each_image_has_its_own_box() -> None:
    found = ResizedCrop()(ramp(8, 16, 16), generator())
    assert len(found.flatten(1).unique(dim=0)) == 8
