"""A sheet of what a pipeline makes of images."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ablate.augment.pipeline import Pipeline

GAP = 2  # pixels, white


def sheet(images: Tensor, pipeline: Pipeline, views: int, generator: torch.Generator) -> Tensor:
    """One row for each image (N, C, H, W): the clean one, then so many views; (C, H', W') in [0, 1]."""
    clean = pipeline.restore(pipeline.clean(images))[None]
    shown = torch.cat([clean, pipeline.restore(pipeline.views(images, views, generator))])
    framed = F.pad(shown, (0, GAP, 0, GAP), value=1.0)
    return framed.permute(2, 1, 3, 0, 4).flatten(3, 4).flatten(1, 2)[:, :-GAP, :-GAP]
