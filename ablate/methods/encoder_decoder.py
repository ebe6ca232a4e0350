"""The encoder and the decoder of an autoencoder: how they are built, initialized and applied."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ablate.augment import pipeline
from ablate.augment.pipeline import Pipeline
from ablate.data_info import DataInfo
from ablate.deferred import nn, torch
from ablate.errors import StudyError
from ablate.methods.backbone import NORMALIZED, RESNETS, backbone, check_backbone, feature_dim
from ablate.methods.limits import check_batchnorm
from ablate.methods.method import Tensors
from ablate.methods.mirror import check_mirror, mirror
from ablate.methods.parts import joined, through
from ablate.nets.heads import projection
from ablate.nets.init import initialize

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class EncoderDecoder:
    """Encoder and decoder without parameters, and the pipeline that prepares the encoder's inputs.

    After a ResNet a projection computes the code from the pooled maps h, and the features are h (Falcon et al. 2021).
    After every other encoder the features are the encoder's outputs.
    """

    network: str
    decoder: str
    width: int
    latent_dim: int  # l, what the decoder reads
    encoder_outputs: int  # e, what encoder and projection compute for an input
    batchnorm: bool
    output: str
    augmentation: str
    strength: int

    def check(self, info: DataInfo, views: int) -> None:
        """Raise StudyError where these networks cannot train on this data with so many views of every input."""
        check_backbone(self.network, info)
        check_mirror(self._decoder_network, info)
        self.pipeline.check(info.shape)
        if self.output == "sigmoid" and self.pipeline.mean:
            problem = f"output 'sigmoid' cannot reconstruct inputs that augmentation '{self.augmentation}' normalizes"
            raise StudyError(problem, "use output 'linear' or another augmentation")
        encoded = replace(info, batch_size=info.batch_size * views)
        if self.network in NORMALIZED:
            check_batchnorm(encoded, batchnorm=True, off="network 'mlp'")
        check_batchnorm(encoded, batchnorm=self.batchnorm)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        """Draw parameters and state; the state's "shape" is that of the decoder's outputs."""
        shape = self.pipeline.check(info.shape)
        params, state = initialize(self.structure(shape), generator)
        return params, {**state, "shape": torch.tensor(shape)}

    def features(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        """Clean inputs or views (B, ...), not yet preprocessed → features (B, D), in evaluation mode."""
        x = self.pipeline.preprocess(inputs)
        return through(self.structure(tuple(x.shape[1:])), "encoder", params, state, x, training=False)[0]

    def encode(
        self, params: Tensors, state: Tensors, inputs: Tensor, *, training: bool, tracking: bool = False
    ) -> tuple[Tensor, Tensors]:
        """Inputs (B, ...) → outputs (B, e) of encoder and projection, and the new state.

        Batch norm uses the batch's statistics in `training` and updates its running statistics when `tracking`.
        """
        structure = self.structure(tuple(inputs.shape[1:]))
        for part in ("encoder", "projection") if self.network in RESNETS else ("encoder",):
            inputs, state = through(structure, part, params, state, inputs, training=training, tracking=tracking)
        return inputs, state

    def evaluate(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        """Clean inputs or views (B, ...), not yet preprocessed → outputs (B, e) of encoder and projection."""
        return self.encode(params, state, self.pipeline.preprocess(inputs), training=False)[0]

    def decode(
        self, params: Tensors, state: Tensors, codes: Tensor, shape: tuple[int, ...], *, training: bool
    ) -> tuple[Tensor, Tensors]:
        """Codes (B, l) → the decoder's outputs (B, *shape) before their activation, and the new state."""
        structure = self.structure(shape)
        return through(structure, "decoder", params, state, codes, training=training, tracking=training)

    def generate(self, params: Tensors, state: Tensors, codes: Tensor) -> Tensor:
        """Codes (B, l) → clean inputs (B, ...), not preprocessed; images are clipped to [0, 1].  In evaluation mode."""
        shape = tuple(state["shape"].tolist())
        outputs, _ = self.decode(params, state, codes, shape, training=False)
        inputs = activated(outputs, self.output)
        return self.pipeline.restore(inputs) if len(shape) == 3 else inputs

    def structure(self, shape: tuple[int, ...]) -> nn.Sequential:
        """Parts 'encoder', 'projection' (after a ResNet) and 'decoder' for inputs of this shape."""
        return autoencoder(
            self.network,
            self._decoder_network,
            shape,
            self.width,
            self.encoder_outputs,
            self.latent_dim,
            self.batchnorm,
        )

    @property
    def pipeline(self) -> Pipeline:
        return pipeline(self.augmentation, self.strength if self.strength >= 0 else None)

    @property
    def _decoder_network(self) -> str:
        """The network whose mirror image the decoder is."""
        return self.network if self.decoder == "mirror" else self.decoder


@functools.cache
def autoencoder(
    network: str,
    decoder_network: str,
    shape: tuple[int, ...],
    width: int,
    encoder_outputs: int,
    latent_dim: int,
    batchnorm: bool,
) -> nn.Sequential:
    """Encoder, after a ResNet a projection, and decoder, without parameters.

    The projection is that of Falcon et al. (2021; sizes from their code): as wide as the features, with batch norm and
    without a bias in its last layer; one layer computes both mean and log variance.
    """
    encoder = backbone(network, shape, width, encoder_outputs, batchnorm=batchnorm)
    features = feature_dim(network, width, encoder_outputs)
    between = {"projection": projection(features, features, encoder_outputs)} if network in RESNETS else {}
    decoder = mirror(decoder_network, shape, width, latent_dim, batchnorm=batchnorm)
    return joined(encoder=encoder, **between, decoder=decoder)


def activated(outputs: Tensor, output: str) -> Tensor:
    """The decoder's outputs after the activation that the option `output` names."""
    return outputs.sigmoid() if output == "sigmoid" else outputs
