"""A sheet has a row for each image, the clean one first."""

import torch

from ablate.augment import pipeline
from ablate.draw.sheet import sheet


def test_a_sheet_is_a_grid_of_clean_images_and_views() -> None:
    """2 images of 4 x 5 with 3 views: 2 rows and 4 columns, with 2 white pixels between them."""
    images = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    found = sheet(images, pipeline("normalized-cifar10"), 3, torch.Generator())
    assert found.shape == (3, 2 * 4 + 2, 4 * 5 + 3 * 2)
    torch.testing.assert_close(found[:, 6:10, :5], images[1])
    torch.testing.assert_close(found[:, :4, 7:12], images[0])
    assert (found[:, 4:6] == 1).all()
    assert (found[:, :, 5:7] == 1).all()


def test_views_on_a_sheet_differ_and_stay_in_range() -> None:
    images = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = sheet(images, pipeline("simclr-cifar10"), 2, torch.Generator().manual_seed(1))
    assert found.min() >= 0
    assert found.max() <= 1
    assert not torch.equal(found[:, :, 10:18], found[:, :, 20:28])
