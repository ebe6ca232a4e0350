"""The decoder networks that mirror the shared encoders: `mirror` builds one from its name and sizes."""

from __future__ import annotations

import functools

from ablate.data_info import DataInfo
from ablate.deferred import nn
from ablate.errors import StudyError
from ablate.methods.backbone import FLAT, RESNETS
from ablate.nets.decoders import decoder
from ablate.nets.inverted import inverted_resnet
from ablate.nets.narrow import narrow_decoder, simvae_mlp_decoder

NARROW = ("narrow", "narrow-shortcuts")
HIDDEN = 32  # hidden units of an inverted ResNet per channel of `width`: 2048 in the published size


@functools.cache
def mirror(network: str, shape: tuple[int, ...], width: int, inputs: int, *, batchnorm: bool = False) -> nn.Sequential:
    """Codes (B, inputs) → outputs (B, *shape) without a final activation, by the mirror image of a backbone.

    In 'narrow', blocks that do not change the size have no shortcuts; in 'narrow-shortcuts' they do.
    """
    if network in RESNETS:
        return inverted_resnet(network, shape, inputs, width, HIDDEN * width)
    if network in NARROW:
        return narrow_decoder(shape, inputs, network == NARROW[1], width)[:-1]  # all but the sigmoid
    if network == "simvae-mlp":
        return simvae_mlp_decoder(shape, inputs, width)[:-1]
    return decoder(network, shape, inputs, batchnorm, "linear")


def check_mirror(network: str, info: DataInfo) -> None:
    """Raise StudyError where a decoder of images is used on vectors."""
    if network not in FLAT and len(info.shape) != 3:
        shape = " x ".join(map(str, info.shape))
        raise StudyError(f"decoder '{network}' gives images, the data are vectors ({shape})", "use decoder 'mirror'")
