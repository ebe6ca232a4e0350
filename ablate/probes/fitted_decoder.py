"""Decoders that are trained on frozen features, of encoders that were trained without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablate.data_info import DataInfo
from ablate.deferred import F, nn, torch
from ablate.errors import StudyError
from ablate.methods.mirror import mirror
from ablate.nets.functional import Tensors, apply
from ablate.nets.init import initialize
from ablate.probes.inputs import BATCH, batches, fastest, inputs_of
from ablate.probes.network import check_finite, shuffled
from ablate.probes.probe import Embedded, Features

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 64  # the published size of SimVAE's decoders
HELD_OUT = 10  # every tenth training sample decides how long the decoder is trained


@dataclass(frozen=True)
class FittedDecoder:
    """A decoder of features (B, D) to images in [0, 1], in evaluation mode."""

    network: nn.Sequential
    params: Tensors
    state: Tensors

    def __call__(self, features: Tensor) -> Tensor:
        with torch.no_grad():
            return apply(self.network, self.params, self.state, features, training=False)[0].sigmoid()


@dataclass(frozen=True)
class DecoderTraining:
    """Adam on the mean squared error, up to the epoch with the least error on held-out samples.

    Bizeul et al. 2024 train such decoders "until minimal validation loss", at a learning rate of 1e-4.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    binarized: bool  # whether images are thresholded at 0.5

    def fit(self, embedded: Embedded, seed: int) -> FittedDecoder:
        """The decoder of the best epoch."""
        split, device = embedded.train, fastest()
        generator = torch.Generator().manual_seed(seed)
        network = decoder_network(tuple(inputs_of(split).batch(torch.arange(1)).shape[1:]), split.x.shape[1])
        weights, drawn = initialize(network, generator)
        params = {name: tensor.to(device).requires_grad_() for name, tensor in weights.items()}
        state: Tensors = {name: tensor.to(device) for name, tensor in drawn.items()}
        optimizer = torch.optim.Adam(params.values(), lr=self.learning_rate)
        order = torch.randperm(len(split.y), generator=generator)
        held_out, trained = order[::HELD_OUT], order[torch.arange(len(order)) % HELD_OUT != 0]
        best, least = FittedDecoder(network, params, state), float("inf")
        for epoch in range(1, self.epochs + 1):
            for rows in shuffled(len(trained), self.batch_size, generator):
                x, images = batch_of(split, trained[rows], self.binarized)
                outputs, state = apply(network, params, state, x, training=True, tracking=True)
                optimizer.zero_grad()
                F.mse_loss(outputs.sigmoid(), images).backward()
                optimizer.step()
                state = {name: tensor.detach() for name, tensor in state.items()}
            check_finite(params.values(), "decoder", torch.from_numpy(split.x))
            frozen = {name: tensor.detach().clone() for name, tensor in params.items()}
            decoder = FittedDecoder(network, frozen, state)
            error = mean_squared_error(decoder, split, held_out, self.binarized)
            best, least = (decoder, error) if error < least else (best, least)
            embedded.report_progress(epoch / self.epochs)
        return best


def decoder_network(shape: tuple[int, ...], features: int) -> nn.Sequential:
    """Features (B, features) → logits of images (B, *shape): SimVAE's decoder of grey or of colour images."""
    return mirror("simvae-mlp" if shape[0] == 1 else "narrow", shape, WIDTH, features)


def check_decodable(info: DataInfo) -> None:
    """Raise StudyError where the inputs are not images."""
    if info.shape and len(info.shape) != 3:
        problem = f"a decoder of images cannot be fitted to inputs of shape {info.shape}"
        raise StudyError(problem, "choose a data set of images, or decoder: own")


def batch_of(split: Features, rows: Tensor, binarized: bool) -> tuple[Tensor, Tensor]:
    """Features (B, D) and images (B, C, H, W) at positions (B,), on the device of the decoder."""
    (images,) = batches(inputs_of(split), rows, binarized, len(rows))
    return torch.from_numpy(split.x[rows.numpy()]).to(fastest()), images.to(fastest())


def mean_squared_error(decoder: FittedDecoder, split: Features, rows: Tensor, binarized: bool) -> float:
    """The mean squared error per value of the samples at positions (N,)."""
    total, values = 0.0, 0
    for part in rows.split(BATCH):
        x, images = batch_of(split, part, binarized)
        total += (decoder(x) - images).double().square().sum().item()
        values += images.numel()
    return total / values
