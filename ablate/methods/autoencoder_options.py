"""The options that all autoencoders have in common, with their types, descriptions and published values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ablate.methods.backbone import Network
from ablate.methods.encoder_decoder import EncoderDecoder
from ablate.options import Value, option

Decoder = Literal["mirror", "narrow-shortcuts", "resnet18", "resnet34", "resnet50"]
Output = Literal["linear", "sigmoid"]
Target = Literal["clean", "input"]
Reduction = Literal["mean", "sum"]

# Descriptions
LATENT_DIM = "l, dimension of the code"
NETWORK = "the encoder; mlp and simvae-mlp flatten images, the others are convolutional"
DECODER = "mirror: the mirror image of the encoder; else the mirror image of the named network"
WIDTH = "channels of the first convolution; 64: the published size, of simvae-mlp too"
BATCHNORM = "in the hidden layers of encoder and decoder, where these are mlp or cnn"
OUTPUT = "activation of the decoder's outputs; sigmoid suits inputs in [0, 1]"
AUGMENTATION = "the pipeline that draws the encoder's inputs"
STRENGTH = "of crop and jitter, 0 (least) to 3; -1: as the pipeline defines them"
TARGET = "what the decoder reconstructs: the clean input, or the view that the encoder received"
BETA = "β, weight of the KL divergence from the prior"
REDUCTION = "over the losses of a batch's inputs"

# Values
NTELEMIS_DATASETS: Mapping[str, Mapping[str, Value]] = {  # texts are unbounded, so their decoder's output is linear
    "emnist-digits": {"network": "cnn", "output": "sigmoid"},
    "fashion-mnist": {"network": "cnn", "output": "sigmoid"},
    "mnist": {"network": "cnn", "output": "sigmoid"},
    "fsdd": {"output": "sigmoid"},
    "msi": {"output": "sigmoid"},
    "digits": {"output": "sigmoid"},
}


@dataclass(frozen=True)
class AutoencoderOptions:
    """The options of every autoencoder, and the networks that they describe."""

    latent_dim: int = option(10, LATENT_DIM, least=1)
    network: Network = option("mlp", NETWORK)
    decoder: Decoder = option("mirror", DECODER)
    width: int = option(64, WIDTH, least=2)
    batchnorm: bool = option(False, BATCHNORM)
    output: Output = option("linear", OUTPUT)
    augmentation: str = option("none", AUGMENTATION)
    strength: int = option(-1, STRENGTH, least=-1, most=3)
    target: Target = option("clean", TARGET)

    def encoder_decoder(self, encoder_outputs: int) -> EncoderDecoder:
        """The networks, whose encoder computes so many outputs for an input."""
        return EncoderDecoder(
            network=self.network,
            decoder=self.decoder,
            width=self.width,
            latent_dim=self.latent_dim,
            encoder_outputs=encoder_outputs,
            batchnorm=self.batchnorm,
            output=self.output,
            augmentation=self.augmentation,
            strength=self.strength,
        )
