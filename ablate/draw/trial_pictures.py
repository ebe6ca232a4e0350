"""The pictures of a trial, files beside its others."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ablate.draw.pictures import draw_embedding, draw_images, draw_losses, draw_matrix
from ablate.paths import TrialPaths
from ablate.probes import PROBES
from ablate.probes.probe import Embedded, Model
from ablate.track.spool import history
from ablate.trial import Trial

ACROSS = 10  # images in a row
SAMPLES = 50


def pictures(trial: Trial, view: Embedded, paths: TrialPaths) -> Iterator[Path]:
    """Draw the losses, the embedding, and what the probes and a decoder show; each file once it is there."""
    told = {name: points for name, points in history(paths.spool).items() if name.startswith("train/")}
    if told:
        draw_losses(told, paths.folder / "losses.png", trial.name)
        yield paths.folder / "losses.png"
    draw_embedding(view.evaluation.x, view.evaluation.y, paths.folder / "embedding.png", trial.name)
    yield paths.folder / "embedding.png"
    yield from matrices(trial, view, paths)
    if view.model is not None and view.model.can("code") and view.evaluation.inputs is not None:
        yield from restored(
            trial, view.model, view.evaluation.inputs.batch(torch.arange(min(500, len(view.evaluation.y)))), paths
        )


def matrices(trial: Trial, view: Embedded, paths: TrialPaths) -> Iterator[Path]:
    for name, settings in trial.probes.items():
        for picture, matrix in PROBES[name](**settings).pictures(view, trial.config.seed).items():
            file = paths.folder / f"{name}-{picture}.png"
            draw_matrix(matrix, file, f"{picture} · {trial.name}")
            yield file


def restored(trial: Trial, model: Model, inputs: Tensor, paths: TrialPaths) -> Iterator[Path]:
    """Images (B, C, H, W) over what the decoder makes of their codes, and what it makes of codes drawn like theirs."""
    if inputs.dim() != 4:
        return
    codes = model.code(inputs)
    pairs = torch.stack([inputs[:ACROSS], model.decode(codes[:ACROSS])])
    draw_images(pairs.numpy(), paths.folder / "reconstructions.png", trial.name, ("given", "restored"))
    yield paths.folder / "reconstructions.png"
    samples = model.decode(drawn(codes, SAMPLES, torch.Generator().manual_seed(trial.config.seed)))
    draw_images(samples.unflatten(0, (-1, ACROSS)).numpy(), paths.folder / "samples.png", trial.name)
    yield paths.folder / "samples.png"


def drawn(codes: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """New codes (count, L) of the Gaussian that has the mean and the covariance of codes (N, L)."""
    _, lengths, axes = torch.linalg.svd(codes - codes.mean(0), full_matrices=False)
    normal = torch.randn(count, len(lengths), generator=generator)
    samples: Tensor = codes.mean(0) + normal * lengths / max(1, len(codes) - 1) ** 0.5 @ axes
    return samples
