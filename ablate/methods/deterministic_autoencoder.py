"""The abstract class of the autoencoders whose encoder computes one code for an input."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ablate.data_info import DataInfo
from ablate.deferred import F, torch
from ablate.methods import autoencoder_options as shared
from ablate.methods.autoencoder_options import AutoencoderOptions
from ablate.methods.backbone import FLAT
from ablate.methods.capabilities import Augmenting, Generative
from ablate.methods.encoder_decoder import EncoderDecoder, activated
from ablate.methods.input_target_pairs import InputTargetPairs
from ablate.methods.method import Method, Tensors
from ablate.options import Value

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class DeterministicAutoencoder(AutoencoderOptions, Method, Generative, Augmenting):
    """An autoencoder whose features are the code e(x), or a ResNet's pooled maps below it.

    With an augmentation the encoder receives a view x⁺ of x, and the decoder reconstructs x, or x⁺ with `target`
    'input'.
    """

    exported: ClassVar[str] = ""  # the decoder as well, which `decode` needs
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = shared.NTELEMIS_DATASETS

    def check(self, info: DataInfo) -> None:
        super().check(info)
        self.networks.check(info, self.pairs.views)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        return self.networks.init(info, generator)

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        return self.pairs.draw(batch, generator)

    @abstractmethod
    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        """What encoder and decoder minimize."""

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return self.networks.features(params, state, inputs)

    def code(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return self.networks.evaluate(params, state, inputs)

    def decode(self, params: Tensors, state: Tensors, codes: Tensor) -> Tensor:
        return self.networks.generate(params, state, codes)

    def unaugmented(self, inputs: Tensor) -> Tensor:
        return self.networks.pipeline.unaugmented(inputs)

    def view(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Views before their normalization: images stay in [0, 1], so that they can be embedded."""
        return self.networks.pipeline.augment(inputs, generator)

    @property
    def stacks(self) -> bool:
        return self.network in FLAT

    @property
    def pairs(self) -> InputTargetPairs:
        return InputTargetPairs(self.networks.pipeline, views=1, target=self.target)

    @property
    def networks(self) -> EncoderDecoder:
        return self.encoder_decoder(self.latent_dim)


def encode_batch(networks: EncoderDecoder, params: Tensors, state: Tensors, inputs: Tensor) -> tuple[Tensor, Tensors]:
    """Inputs (B, ...) → codes (B, l) in training mode, and the state with updated running statistics."""
    return networks.encode(params, state, inputs, training=True, tracking=True)


def squared_error(
    networks: EncoderDecoder, params: Tensors, state: Tensors, codes: Tensor, target: Tensor
) -> tuple[Tensor, Tensors]:
    """Mean over batch and dimensions of (x − d(z))², for targets x (B, ...) and codes z (B, l), and the new state."""
    outputs, state = networks.decode(params, state, codes, tuple(target.shape[1:]), training=True)
    return F.mse_loss(activated(outputs, networks.output), target), state


def plain_loss(
    networks: EncoderDecoder, params: Tensors, state: Tensors, inputs: Tensor, target: Tensor
) -> tuple[Tensor, Tensors, Tensors]:
    """The loss that is the squared error alone, for the encoder's inputs (B, ...) and their targets (B, ...)."""
    codes, state = encode_batch(networks, params, state, inputs)
    total, state = squared_error(networks, params, state, codes, target)
    return total, {"loss": total}, state
