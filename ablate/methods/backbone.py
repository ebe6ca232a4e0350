"""The encoders that the papers' methods share: a name and sizes become a structure."""

import functools
from typing import Literal

from torch import nn

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.nets.encoders import encoder
from ablate.nets.narrow import narrow_encoder, simvae_mlp
from ablate.nets.resnet import features, resnet

Network = Literal["mlp", "simvae-mlp", "cnn", "narrow", "resnet18", "resnet34", "resnet50"]

RESNETS = ("resnet18", "resnet34", "resnet50")
FLAT = ("mlp", "simvae-mlp")  # take vectors too
NORMALIZED = ("narrow", *RESNETS)  # have batch norm, whatever is asked for
LARGE = 64  # pixels: the stem that halves the sides is for images above


@functools.cache
def backbone(
    network: str, shape: tuple[int, ...], width: int, outputs: int, *, batchnorm: bool = False
) -> nn.Sequential:
    """Inputs (B, *shape) → features (B, `feature_dim(network, width, outputs)`), without parameters.

    A `width` of 64 is the published size; 'mlp' and 'cnn' (Ntelemis et al. 2022) have but one size, and batch norm
    where asked for.  A ResNet ends in its pooled maps, as many as these are.
    """
    if network in RESNETS:
        return resnet(network, shape[0], "7x7" if max(shape[1:]) > LARGE else "3x3", width)
    if network == "narrow":
        return narrow_encoder(shape, outputs, width)
    if network == "simvae-mlp":
        return simvae_mlp(shape, outputs, width)
    return encoder(network, shape, outputs, batchnorm)


def feature_dim(network: str, width: int, outputs: int) -> int:
    """Dimension of what `backbone` gives."""
    return features(network, width) if network in RESNETS else outputs


def check_backbone(network: str, info: DataInfo) -> None:
    """Raise StudyError where a network for images meets vectors."""
    if network not in FLAT and len(info.shape) != 3:
        shape = " x ".join(map(str, info.shape))
        raise StudyError(
            f"network '{network}' needs images (C, H, W), the data are vectors ({shape})", "use network 'mlp'"
        )
