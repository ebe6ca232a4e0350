"""Random projective warps of images, and the coefficients that a network can tell from them.

Sinaga et al. 2022 (VTE), section 3, as Qi et al. 2019 (AVT) for images of 32 x 32; lengths grow with other images.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ablate.augment.step import below, constant, uniform

SMALLEST, LARGEST = 0.8, 1.2  # scale
JITTER = 0.125  # most that a corner is moved, of the side
COEFFICIENTS = 8


def projective(images: Tensor, generator: torch.Generator, fill: float) -> tuple[Tensor, Tensor]:
    """Images (B, C, H, W) with a random warp each, `fill` around them, and its scaled coefficients (B, 8)."""
    height, width = images.shape[2:]
    coefficients = solve(draw_corners(images, generator), corners(height, width, images))
    return warp(images, coefficients, fill), scaled(coefficients, height, width)


def draw_corners(images: Tensor, generator: torch.Generator) -> Tensor:
    """Where the corners of each image go (B, 4, 2): scaled, turned by quarters, then each moved by whole pixels."""
    B, _, height, width = images.shape
    scale = uniform((B,), SMALLEST, LARGEST, generator, images)
    quarters = below(4, generator, images).long()
    sides = constant((width, height), images)
    most = (JITTER * sides).floor()
    jitter = (uniform((B, 4, 2), 0, 1, generator, images) * (2 * most + 1)).floor().minimum(2 * most) - most
    return moved(corners(height, width, images), scale, quarters, sides / 2 + 0.5) + jitter


def moved(square: Tensor, scale: Tensor, quarters: Tensor, centre: Tensor) -> Tensor:
    """Corners (4, 2) → scaled (B,) about a centre (2,), then the list turned by so many places (B,): (B, 4, 2)."""
    spread = (square - centre) * scale[:, None, None] + centre
    turned = (torch.arange(4, device=quarters.device) + quarters[:, None]) % 4
    return spread.gather(1, turned[:, :, None].expand(-1, 4, 2))


def corners(height: int, width: int, like: Tensor) -> Tensor:
    """(x, y) of an image's corners (4, 2), clockwise from the upper left."""
    return constant((0, 0, width, 0, width, height, 0, height), like).view(4, 2)


def solve(moved: Tensor, original: Tensor) -> Tensor:
    """Coefficients (B, 8) of the projective map that sends four points (B, 4, 2) to these (4, 2).

    x = (a X + b Y + c) / (g X + h Y + 1) and y = (d X + e Y + f) / (g X + h Y + 1), from (X, Y) to (x, y).
    """
    source, goal = moved.double(), original.double().expand(len(moved), 4, 2)
    plain = torch.cat([source, torch.ones_like(source[..., :1])], -1)
    none = torch.zeros_like(plain)
    for_x = torch.cat([plain, none, -goal[..., :1] * source], -1)
    for_y = torch.cat([none, plain, -goal[..., 1:] * source], -1)
    system, known = torch.cat([for_x, for_y], 1), torch.cat([goal[..., 0], goal[..., 1]], 1)
    found: Tensor = torch.linalg.solve_ex(system, known)[0]  # unlike solve, it does not wait for the device
    return found.to(moved)


def warp(images: Tensor, coefficients: Tensor, fill: float) -> Tensor:
    """Images whose pixel (X, Y) is read at (x, y) by the map with these coefficients (B, 8), bilinearly.

    As PIL, on whose results the papers rest: what is read inside of the image is never mixed with the fill.
    """
    height, width = images.shape[2:]
    place = mapped(pixels(height, width, images), coefficients) / constant((width, height), images)
    grid = (2 * place - 1).view(-1, height, width, 2)
    inside = ((place >= 0) & (place < 1)).all(-1).view(-1, 1, height, width)
    read = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return read.where(inside, fill)


def pixels(height: int, width: int, like: Tensor) -> Tensor:
    """(x, y, 1) of the middles of an image's pixels (H W, 3), row by row."""
    x = torch.arange(width, device=like.device, dtype=like.dtype) + 0.5
    y = torch.arange(height, device=like.device, dtype=like.dtype) + 0.5
    return torch.stack(
        [x.expand(height, width), y[:, None].expand(height, width), like.new_ones(height, width)], -1
    ).view(-1, 3)


def mapped(points: Tensor, coefficients: Tensor) -> Tensor:
    """Points (N, 3) as (x, y, 1) → where each map with coefficients (B, 8) sends them, as (x, y): (B, N, 2)."""
    one = coefficients.new_ones(len(coefficients), 1)
    homogeneous = torch.cat([coefficients, one], 1).view(-1, 3, 3) @ points.T
    return (homogeneous[:, :2] / homogeneous[:, 2:]).transpose(1, 2)


def scaled(coefficients: Tensor, height: int, width: int) -> Tensor:
    """What is regressed on (B, 8): coefficients less their shift, in units of their scale (VTE, section 3, step 7)."""
    x, y = width / 32, height / 32
    shift = constant((0, 0, 16 * x, 0, 0, 16 * y, 0, 0), coefficients)
    spread = constant((1, 1, 20 * x, 1, 1, 20 * y, 0.015 / x, 0.015 / y), coefficients)
    return (coefficients - shift) / spread
