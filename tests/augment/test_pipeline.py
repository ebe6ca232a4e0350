"""Pipelines match the papers, draw independently for each image from one generator, and refuse unsuitable inputs."""

import pytest
import torch

from ablate.augment import PIPELINES, pipeline
from ablate.augment.color import Jitter
from ablate.augment.enlarged import Enlarged
from ablate.augment.geometry import PaddedCrop, ResizedCrop
from ablate.augment.pipeline import Pipeline
from ablate.deferred import Deferred
from ablate.errors import StudyError

F = Deferred("torchvision.transforms.v2.functional")  # its import takes eight seconds of each worker

GREY = {"none", "simclr-grey", "simvae-mnist", "simvae-fashion-mnist", "crop-flip-reflect", "resized-crop-flip"}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 4, channels: int = 3, side: int = 16) -> torch.Tensor:
    return torch.rand(count, channels, side, side, generator=generator(9))


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_views_have_the_checked_shape_and_lie_in_the_unit_range(name: str) -> None:
    chain = pipeline(name)
    assert chain.check((3, 16, 16)) == (3, 16, 16)
    views = chain.views(images(), 5, generator())
    assert views.shape == (5, 4, 3, 16, 16)
    drawn = chain.augment(images(), generator())
    assert -1e-6 <= drawn.min() <= drawn.max() <= 1 + 1e-6
    assert chain.clean(images()).shape == (4, 3, 16, 16)


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_views_depend_only_on_the_given_generator(name: str) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, again = pipeline(name).view(images(), generator(3)), pipeline(name).view(images(), generator(3))
    assert torch.equal(first, again)
    assert torch.equal(before, torch.get_rng_state())
    if pipeline(name).transforms:
        assert not torch.equal(first, pipeline(name).view(images(), generator(4)))


@pytest.mark.parametrize("name", sorted(name for name in PIPELINES if pipeline(name).transforms))
def test_equal_images_get_different_views(name: str) -> None:
    alike = images(1).expand(12, -1, -1, -1)
    assert len(pipeline(name).view(alike, generator()).flatten(1).unique(dim=0)) > 6


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_images_are_not_changed_in_place(name: str) -> None:
    start = images()
    kept = start.clone()
    pipeline(name).views(start, 2, generator())
    pipeline(name).clean(start)
    assert torch.equal(start, kept)


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_pipelines_with_colour_refuse_grey_images(name: str) -> None:
    if name in GREY:
        assert pipeline(name).check((1, 28, 28)) == (1, 28, 28)
        assert pipeline(name).view(images(2, 1, 28), generator()).shape == (2, 1, 28, 28)
    else:
        with pytest.raises(StudyError, match="channels"):
            pipeline(name).check((1, 28, 28))


def test_vectors_are_accepted_by_the_pipeline_none_only() -> None:
    assert pipeline("none").check((64,)) == (64,)
    vectors = torch.rand(3, 64)
    assert torch.equal(pipeline("none").view(vectors, generator()), vectors)
    assert torch.equal(pipeline("none").clean(vectors), vectors)
    with pytest.raises(
        StudyError, match=r"inputs of shape \(64,\) are not images and cannot be augmented; use augment"
    ):
        pipeline("simclr-grey").check((64,))


def test_a_crop_larger_than_the_padded_image_is_refused() -> None:
    with pytest.raises(StudyError, match="a crop of 32 pixels is larger than images of 16 x 16 padded by 4"):
        Pipeline(transforms=(PaddedCrop(padding=4, size=32),)).check((3, 16, 16))


def test_clean_images_have_the_size_of_views() -> None:
    chain = Pipeline(transforms=(PaddedCrop(padding=0, size=12),), enlarged=1.25)
    assert chain.view(images(), generator()).shape == chain.clean(images()).shape == (4, 3, 12, 12)


def test_cifar_pipelines_normalize_by_cifars_statistics_and_restore_undoes_it() -> None:
    """(1 - 125.3 / 255) / (63 / 255) = 129.7 / 63 for a red channel of 1; -113.9 / 66.7 for a blue one of 0."""
    clean = pipeline("simclr-cifar10").clean(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(clean, torch.tensor([129.7 / 63.0, -123.0 / 62.1, -113.9 / 66.7]))
    for name in ("normalized-cifar10", "vte", "crop-flip"):
        torch.testing.assert_close(pipeline(name).restore(pipeline(name).clean(images())), images())


def test_vte_normalizes_by_the_statistics_of_its_paper() -> None:
    white = pipeline("vte").clean(torch.ones(1, 3, 1, 1)).flatten()
    expected = torch.tensor([0.5086 / 0.2023, 0.5178 / 0.1994, 0.5535 / 0.2010])
    torch.testing.assert_close(white, expected)


def test_restored_images_are_clamped_to_the_unit_range() -> None:
    far = torch.tensor([-9.0, 9.0]).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    assert pipeline("simclr-cifar10").restore(far).flatten(1).tolist() == [[0, 0, 0], [1, 1, 1]]


def test_stl_images_are_enlarged_to_105_pixels_and_cropped_to_96() -> None:
    chain = pipeline("simclr-stl10")
    start = images(2, 3, 96)
    expected = F.center_crop(F.resize(start, [105], antialias=True), [96])
    torch.testing.assert_close(chain.restore(chain.clean(start)), expected, atol=1e-4, rtol=0)


def test_enlarged_images_are_jittered_and_cropped_at_256_pixels_and_reduced_again() -> None:
    """SimVAE's authors do so on CIFAR-10; the strength is that of the crop and the jitter inside."""
    chain = pipeline("simvae-cifar10-256")
    views = chain.view(images(4, 3, 32), generator())
    assert views.shape == (4, 3, 32, 32)
    assert 0 <= views.min() <= views.max() <= 1
    assert chain.check((3, 32, 32)) == (3, 32, 32)
    (enlarged, _), (weak, _) = chain.transforms, pipeline("simvae-cifar10-256", 0).transforms
    assert enlarged == Enlarged(256, pipeline("simvae-cifar10").transforms[:2])
    assert weak == Enlarged(256, pipeline("simvae-cifar10", 0).transforms[:2])
    flat = torch.full((2, 3, 32, 32), 0.25)
    plain = Enlarged(256, (ResizedCrop((0.6, 1.0), (0.75, 1.3)),))
    torch.testing.assert_close(plain(flat, generator()), flat)


def test_simvae_mnist_makes_views_and_clean_images_binary() -> None:
    chain = pipeline("simvae-mnist")
    start = torch.tensor([0.4, 0.5, 0.6]).view(1, 1, 1, 3)
    assert chain.clean(start).flatten().tolist() == [0, 0, 1]
    assert set(chain.view(images(8, 1, 28), generator()).unique().tolist()) == {0.0, 1.0}
    assert len(pipeline("simvae-fashion-mnist").view(images(8, 1, 28), generator()).unique()) > 100


def test_padding_is_black_before_normalization() -> None:
    """CIFAR's mean grey becomes 0, black becomes -mean / std."""
    grey = torch.tensor(pipeline("crop-flip").mean).view(1, 3, 1, 1).expand(64, 3, 8, 8)
    found = pipeline("crop-flip").view(grey, generator())[:, 0].unique()
    torch.testing.assert_close(found, torch.tensor([-125.3 / 63.0, 0.0]), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("level", "area", "jitter", "hue"),
    [(0, 0.9, 0.2, 0.05), (1, 0.8, 0.4, 0.1), (2, 0.6, 0.8, 0.2), (3, 0.2, 1.0, 0.25)],
)
def test_a_strength_sets_the_area_of_crops_and_the_jitter(level: int, area: float, jitter: float, hue: float) -> None:
    colour, grey = pipeline("simvae-cifar10", level), pipeline("simvae-mnist", level)
    assert colour.transforms[:2] == (Jitter(jitter, hue, 0.8), ResizedCrop((area, 1.0), (0.75, 1.3)))
    assert grey.transforms[0] == ResizedCrop((area, 1.0), (0.75, 1.3))
    assert grey.threshold == 0.5
    assert pipeline("simvae-cifar10", level) is colour


def test_a_stronger_level_changes_images_more() -> None:
    start = images(64)
    change = [(pipeline("simvae-cifar10", level).view(start, generator()) - start).abs().mean() for level in range(4)]
    assert change == sorted(change)


def test_strength_two_is_the_papers_setting_for_colour_images() -> None:
    assert pipeline("simvae-cifar10", 2) == pipeline("simvae-cifar10")
    assert pipeline("simvae-mnist").transforms[0] == ResizedCrop((0.4, 1.0), (0.75, 1.3))


def test_unknown_strengths_are_refused() -> None:
    with pytest.raises(StudyError, match=r"no strength 4 of augmentation; choose from 0 \.\.\. 3"):
        pipeline("simvae-mnist", 4)
    with pytest.raises(StudyError, match="without resized crop and jitter has no strength; leave the strength out"):
        pipeline("vte", 1)


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(StudyError, match="no augmentation is called 'simclr-cifar'; did you mean 'simclr-cifar10'"):
        pipeline("simclr-cifar")


@pytest.mark.gpu
@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_views_are_computed_on_the_device_of_the_images(name: str) -> None:
    on_device = torch.Generator("cuda").manual_seed(0)
    assert pipeline(name).view(images().cuda(), on_device).is_cuda
    expected = pipeline(name).view(images(), generator())
    torch.testing.assert_close(pipeline(name).view(images().cuda(), generator()).cpu(), expected, atol=1e-3, rtol=0)
