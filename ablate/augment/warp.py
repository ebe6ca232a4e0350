"""Random projective warps of images, with their coefficients as regression targets.

Sinaga et al. 2022 (VTE), section 3, as Qi et al. 2019 (AVT) for images of 32 x 32; lengths scale with the image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ablate.augment.transform import constant, random_below, random_uniform
from ablate.deferred import F, torch

if TYPE_CHECKING:
    from torch import Tensor

MIN_SCALE, MAX_SCALE = 0.8, 1.2
CORNER_JITTER = 0.125  # largest displacement of a corner, as a share of the side
COEFFICIENTS = 8


def projective(images: Tensor, generator: torch.Generator, fill: float) -> tuple[Tensor, Tensor]:
    """Images (B, C, H, W) → each randomly warped and surrounded by `fill`, and its regression targets (B, 8)."""
    height, width = images.shape[2:]
    coefficients = solve_projection(draw_corners(images, generator), corners(height, width, images))
    return warp(images, coefficients, fill), regression_targets(coefficients, height, width)


def draw_corners(images: Tensor, generator: torch.Generator) -> Tensor:
    """Random positions of each image's corners (B, 4, 2): scaled, rotated by quarters, displaced by whole pixels."""
    B, _, height, width = images.shape
    scale = random_uniform((B,), MIN_SCALE, MAX_SCALE, generator, images)
    quarters = random_below(4, generator, images).long()
    sides = constant((width, height), images)
    most = (CORNER_JITTER * sides).floor()
    jitter = (random_uniform((B, 4, 2), 0, 1, generator, images) * (2 * most + 1)).floor().minimum(2 * most) - most
    return scaled_and_rotated(corners(height, width, images), scale, quarters, sides / 2 + 0.5) + jitter


def scaled_and_rotated(square: Tensor, scale: Tensor, quarters: Tensor, centre: Tensor) -> Tensor:
    """Corners (4, 2) → (B, 4, 2): scaled (B,) about a centre (2,), then the list rotated by `quarters` (B,) entries."""
    spread = (square - centre) * scale[:, None, None] + centre
    rotated = (torch.arange(4, device=quarters.device) + quarters[:, None]) % 4
    return spread.gather(1, rotated[:, :, None].expand(-1, 4, 2))


def corners(height: int, width: int, like: Tensor) -> Tensor:
    """(x, y) of an image's corners (4, 2), clockwise from the upper left."""
    return constant((0, 0, width, 0, width, height, 0, height), like).view(4, 2)


def solve_projection(moved: Tensor, original: Tensor) -> Tensor:
    """Coefficients (B, 8) of the projective maps from the `moved` points (B, 4, 2) to the `original` ones (4, 2).

    x = (a X + b Y + c) / (g X + h Y + 1) and y = (d X + e Y + f) / (g X + h Y + 1), from (X, Y) to (x, y).
    """
    source, goal = moved.double(), original.double().expand(len(moved), 4, 2)
    homogeneous = torch.cat([source, torch.ones_like(source[..., :1])], -1)
    zeros = torch.zeros_like(homogeneous)
    for_x = torch.cat([homogeneous, zeros, -goal[..., :1] * source], -1)
    for_y = torch.cat([zeros, homogeneous, -goal[..., 1:] * source], -1)
    system, right = torch.cat([for_x, for_y], 1), torch.cat([goal[..., 0], goal[..., 1]], 1)
    solution: Tensor = torch.linalg.solve_ex(system, right)[0]  # unlike solve, it does not wait for the device
    return solution.to(moved)


def warp(images: Tensor, coefficients: Tensor, fill: float) -> Tensor:
    """Images whose pixel (X, Y) is sampled bilinearly at (x, y), given by the map with these coefficients (B, 8).

    As in PIL, which the papers used: samples inside the image are never mixed with `fill`.
    """
    height, width = images.shape[2:]
    position = project(pixel_centres(height, width, images), coefficients) / constant((width, height), images)
    grid = (2 * position - 1).view(-1, height, width, 2)
    inside = ((position >= 0) & (position < 1)).all(-1).view(-1, 1, height, width)
    sampled = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return sampled.where(inside, fill)


def pixel_centres(height: int, width: int, like: Tensor) -> Tensor:
    """(x, y, 1) of the centres of an image's pixels (H W, 3), row by row."""
    x = torch.arange(width, device=like.device, dtype=like.dtype) + 0.5
    y = torch.arange(height, device=like.device, dtype=like.dtype) + 0.5
    return torch.stack(
        [x.expand(height, width), y[:, None].expand(height, width), like.new_ones(height, width)], -1
    ).view(-1, 3)


def project(points: Tensor, coefficients: Tensor) -> Tensor:
    """Points (N, 3) as (x, y, 1) → their images (B, N, 2) as (x, y) under each map with coefficients (B, 8)."""
    one = coefficients.new_ones(len(coefficients), 1)
    homogeneous = torch.cat([coefficients, one], 1).view(-1, 3, 3) @ points.T
    return (homogeneous[:, :2] / homogeneous[:, 2:]).transpose(1, 2)


def regression_targets(coefficients: Tensor, height: int, width: int) -> Tensor:
    """Coefficients (B, 8) minus a shift, in units of a scale (VTE, section 3, step 7)."""
    x, y = width / 32, height / 32
    shift = constant((0, 0, 16 * x, 0, 0, 16 * y, 0, 0), coefficients)
    scale = constant((1, 1, 20 * x, 1, 1, 20 * y, 0.015 / x, 0.015 / y), coefficients)
    return (coefficients - shift) / scale
