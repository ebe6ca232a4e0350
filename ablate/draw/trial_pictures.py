"""All pictures of one trial: embedding, the probes' matrices, reconstructions and samples.

MLflow draws the losses itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.deferred import torch
from ablate.draw.embedding import draw_embedding
from ablate.draw.images import draw_images
from ablate.draw.matrix import draw_matrix
from ablate.probes import PROBES
from ablate.probes.probe import Embedded, Model
from ablate.trial import Trial

if TYPE_CHECKING:
    from torch import Tensor

COLUMNS = 10  # images in a row
NUM_SAMPLES = 50
NUM_CODES = 500  # images whose codes the samples are drawn from


def trial_pictures(trial: Trial, view: Embedded, folder: Path) -> Iterator[Path]:
    """Write the trial's pictures into a folder as PNG files; yields the path of each once it is written."""
    draw_embedding(view.evaluation.x, view.evaluation.y, folder / "embedding.png", trial.name)
    yield folder / "embedding.png"
    yield from matrices(trial, view, folder)
    if view.model is not None and view.model.can("code") and view.evaluation.inputs is not None:
        inputs = view.evaluation.inputs.batch(torch.arange(min(NUM_CODES, len(view.evaluation.y))))
        yield from decoded(trial, view.model, inputs, folder)


def matrices(trial: Trial, view: Embedded, folder: Path) -> Iterator[Path]:
    """Write the matrices that the trial's probes return."""
    for name, settings in trial.probes.items():
        for picture, matrix in PROBES[name](**settings).pictures(view, trial.config.seed).items():
            file = folder / f"{name}-{picture}.png"
            draw_matrix(matrix, file, f"{picture} · {trial.name}")
            yield file


def decoded(trial: Trial, model: Model, inputs: Tensor, folder: Path) -> Iterator[Path]:
    """Write images (N, C, H, W) above their reconstructions, and images decoded from sampled codes."""
    if inputs.dim() != 4:
        return
    codes = model.code(inputs)
    pairs = torch.stack([inputs[:COLUMNS], model.decode(codes[:COLUMNS])])
    draw_images(pairs.numpy(), folder / "reconstructions.png", trial.name, ("input", "reconstruction"))
    yield folder / "reconstructions.png"
    samples = model.decode(sample_codes(codes, NUM_SAMPLES, torch.Generator().manual_seed(trial.config.seed)))
    draw_images(samples.unflatten(0, (-1, COLUMNS)).numpy(), folder / "samples.png", trial.name)
    yield folder / "samples.png"


def sample_codes(codes: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Samples (count, L) of the Gaussian that has the mean and the covariance of codes (N, L)."""
    _, lengths, axes = torch.linalg.svd(codes - codes.mean(0), full_matrices=False)
    normal = torch.randn(count, len(lengths), generator=generator)
    samples: Tensor = codes.mean(0) + normal * lengths / max(1, len(codes) - 1) ** 0.5 @ axes
    return samples
