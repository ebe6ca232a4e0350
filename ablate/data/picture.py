"""Compressed pictures as tensors of bytes."""

import io

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def picture(content: bytes) -> Tensor:
    """The colour pixels (3, H, W), uint8, of a compressed picture; OSError where it is damaged or is none."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


def resized(images: Tensor, side: int) -> Tensor:
    """Bytes (B, C, H, W) → (B, C, side, side), bilinear with antialiasing, as torchvision's Resize of a picture."""
    return F.interpolate(images, (side, side), mode="bilinear", align_corners=False, antialias=True)
