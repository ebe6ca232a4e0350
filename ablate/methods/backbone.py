"""The encoder networks that methods share: `backbone` builds one from its name and sizes."""

from __future__ import annotations

import functools
from typing import Literal

from ablate.data_info import DataInfo
from ablate.deferred import nn
from ablate.errors import StudyError
from ablate.nets.encoders import encoder
from ablate.nets.narrow import narrow_encoder, simvae_mlp
from ablate.nets.resnet import resnet, resnet_dim, stem_for

Network = Literal["mlp", "simvae-mlp", "cnn", "narrow", "resnet18", "resnet34", "resnet50"]

RESNETS = ("resnet18", "resnet34", "resnet50")
FLAT = ("mlp", "simvae-mlp")  # flatten images, and take vectors too
NORMALIZED = ("narrow", *RESNETS)  # always have batch norm


@functools.cache
def backbone(
    network: str, shape: tuple[int, ...], width: int, outputs: int, *, batchnorm: bool = False
) -> nn.Sequential:
    """Inputs (B, *shape) → features (B, `feature_dim(network, width, outputs)`), without parameters.

    A `width` of 64 is the published size.  'mlp' and 'cnn' (Ntelemis et al. 2022) have one size only; `batchnorm`
    applies to them alone.  The features of a ResNet are its pooled maps, so `outputs` does not change their number.
    """
    if network in RESNETS:
        return resnet(network, shape[0], stem_for(shape), width)
    if network == "narrow":
        return narrow_encoder(shape, outputs, width)
    if network == "simvae-mlp":
        return simvae_mlp(shape, outputs, width)
    return encoder(network, shape, outputs, batchnorm)


def feature_dim(network: str, width: int, outputs: int) -> int:
    """Dimension of the features of `backbone`."""
    return resnet_dim(network, width) if network in RESNETS else outputs


def check_backbone(network: str, info: DataInfo) -> None:
    """Raise StudyError where a network for images is used on vectors."""
    if network not in FLAT and len(info.shape) != 3:
        shape = " x ".join(map(str, info.shape))
        raise StudyError(
            f"network '{network}' needs images (C, H, W), the data are vectors ({shape})", "use network 'mlp'"
        )
