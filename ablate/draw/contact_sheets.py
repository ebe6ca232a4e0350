"""Contact sheets: what every augmentation makes of a data set's images."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ablate.augment import PIPELINES
from ablate.data.cache import load
from ablate.draw.sheet import sheet
from ablate.errors import StudyError
from ablate.paths import Store

IMAGES, VIEWS = 6, 7
SMALLEST = 96  # pixels of one image on the sheet


def contact_sheets(dataset: str, store: Store) -> Iterator[Path]:
    """Draw a PNG for each pipeline that fits the data set: a row for each of some images, the clean one first.

    Raises StudyError where the data are no images, DataError where they are missing.
    """
    data = load(dataset, store.tensors)
    if data.x.dim() != 4:
        raise StudyError(f"'{dataset}' holds no images", "choose a data set whose samples have the shape (C, H, W)")
    shown = data.x[torch.linspace(0, len(data.x) - 1, IMAGES).long()].float() * data.scale
    folder = store.sheets / dataset
    folder.mkdir(parents=True, exist_ok=True)
    for name, pipeline in PIPELINES.items():
        try:
            pipeline.check(tuple(shown.shape[1:]))
        except StudyError:
            continue  # colour for grey images, say
        file = folder / f"{name}.png"
        write(
            sheet(shown, pipeline, VIEWS, torch.Generator().manual_seed(0)), max(1, SMALLEST // data.x.shape[-1]), file
        )
        yield file


def write(image: Tensor, larger: int, file: Path) -> None:
    """Write an image (C, H, W) in [0, 1] as a PNG, so many times as large."""
    from PIL import Image

    pixels = (image.expand(3, -1, -1) * 255).round().to(torch.uint8)
    pixels = pixels.repeat_interleave(larger, 1).repeat_interleave(larger, 2)
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(file)
