"""Decoding and resizing of images, as uint8 tensors."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from ablate.deferred import F, np, torch

if TYPE_CHECKING:
    from torch import Tensor


def decode_image(content: bytes) -> Tensor:
    """The RGB pixels (3, H, W), uint8, of an image file such as a JPEG.  Raises OSError where it is damaged or none."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


def resize(images: Tensor, side: int) -> Tensor:
    """Images (B, C, H, W), uint8 → (B, C, side, side), bilinear with antialiasing, as Pillow does it."""
    return F.interpolate(images, (side, side), mode="bilinear", align_corners=False, antialias=True)
