"""Contact sheets: a data set's images beside the views that an augmentation pipeline makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.augment import PIPELINES
from ablate.augment.pipeline import Pipeline
from ablate.data.cache import load_data
from ablate.deferred import np, torch
from ablate.draw.images import Images, image_grid
from ablate.errors import StudyError
from ablate.paths import Store

if TYPE_CHECKING:
    from torch import Tensor

NUM_IMAGES, NUM_VIEWS = 6, 7
GAP = 2  # pixels between images, before enlarging
MIN_SIDE = 96  # pixels of an image on the sheet, after enlarging by a whole factor


def contact_sheets(dataset: str, store: Store) -> Iterator[Path]:
    """Write a PNG for each pipeline that can be applied to the data set, and yield its path.

    Raises StudyError where the data are not images, DataError where they are missing.
    """
    data = load_data(dataset, store.tensors)
    if data.x.dim() != 4:
        raise StudyError(f"'{dataset}' holds no images", "choose a data set whose samples have the shape (C, H, W)")
    images = data.x[torch.linspace(0, len(data.x) - 1, NUM_IMAGES).long()].float() * data.scale
    folder = store.sheets / dataset
    folder.mkdir(parents=True, exist_ok=True)
    for name, pipeline in PIPELINES.items():
        if applicable(pipeline, images):
            file = folder / f"{name}.png"
            sheet = contact_sheet(images, pipeline, NUM_VIEWS, torch.Generator().manual_seed(0))
            write_png(sheet, max(1, MIN_SIDE // images.shape[-1]), file)
            yield file


def applicable(pipeline: Pipeline, images: Tensor) -> bool:
    """Whether a pipeline accepts the shape of images (N, C, H, W); those that change colours refuse grey ones."""
    try:
        pipeline.check(tuple(images.shape[1:]))
    except StudyError:
        return False
    return True


def contact_sheet(images: Tensor, pipeline: Pipeline, num_views: int, generator: torch.Generator) -> Images:
    """Images (N, C, H, W) → one sheet (height, width, 3) in [0, 1]: a row per image, first as it is, then its views."""
    clean = pipeline.restore(pipeline.clean(images))[None]
    views = pipeline.restore(pipeline.views(images, num_views, generator))
    return image_grid(torch.cat([clean, views]).transpose(0, 1).numpy(), GAP)


def write_png(sheet: Images, factor: int, file: Path) -> None:
    """Write an image (H, W, 3) in [0, 1] as a PNG, enlarged by a whole factor."""
    from PIL import Image

    pixels = (sheet * 255).round().astype(np.uint8)
    Image.fromarray(pixels.repeat(factor, 0).repeat(factor, 1)).save(file)
