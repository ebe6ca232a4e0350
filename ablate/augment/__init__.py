"""The augmentation pipelines, by the names that studies use."""

import functools
from dataclasses import replace

from ablate.augment.blur import Blur
from ablate.augment.color import ChannelDrop, Grayscale, Jitter
from ablate.augment.geometry import Flip, PaddedCrop, ResizedCrop
from ablate.augment.pipeline import Pipeline
from ablate.registry import Registry

CIFAR = Pipeline(mean=(125.3 / 255, 123.0 / 255, 113.9 / 255), std=(63.0 / 255, 62.1 / 255, 66.7 / 255))
STL = Pipeline(mean=(0.43, 0.42, 0.39), std=(0.27, 0.26, 0.27), enlarged=105 / 96)
VTE = Pipeline(mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010))

SIMVAE_GREY = (ResizedCrop((0.4, 1.0), (0.75, 1.3)), Flip("vertical"))
SIMVAE_COLOUR = (Jitter(0.8, 0.2), ResizedCrop((0.6, 1.0), (0.75, 1.3)))

PIPELINES: Registry[Pipeline] = Registry(
    "augmentation",
    {
        "none": Pipeline(),
        "normalized-cifar10": CIFAR,
        "normalized-stl10": STL,
        # SimCLR's, as Falcon et al. 2021 (AAVAE) and the Distance Enhancement paper have it
        "simclr-cifar10": replace(CIFAR, steps=(ResizedCrop(), Flip(), Jitter(0.4, 0.1), Grayscale())),
        "simclr-stl10": replace(STL, steps=(ResizedCrop(), Flip(), Jitter(0.8, 0.2), Grayscale(), Blur())),
        "simclr-grey": Pipeline(steps=(ResizedCrop((0.4, 1.0)),)),
        # AAVAE by its words: 'random channel drop' where its code has grayscale
        "channel-drop-cifar10": replace(CIFAR, steps=(ResizedCrop(), Flip(), Jitter(0.4, 0.1), ChannelDrop())),
        # for classifiers; the last two are for probes, whose encoder normalizes its inputs itself
        "crop-flip": replace(CIFAR, steps=(PaddedCrop(), Flip())),
        "crop-flip-reflect": Pipeline(steps=(PaddedCrop(mode="reflect"), Flip())),
        "resized-crop-flip": Pipeline(steps=(ResizedCrop(), Flip())),
        # Bizeul, Schölkopf & Allen 2024 (SimVAE), appendix
        "simvae-mnist": Pipeline(steps=SIMVAE_GREY, threshold=0.5),
        "simvae-fashion-mnist": Pipeline(steps=SIMVAE_GREY),
        "simvae-cifar10": Pipeline(steps=(*SIMVAE_COLOUR, Flip("vertical"))),
        "simvae-celeba": Pipeline(steps=(*SIMVAE_COLOUR, Flip("vertical"))),
        "simvae-horizontal": Pipeline(steps=(*SIMVAE_COLOUR, Flip())),  # its caption's other flip, for colour images
        # Sinaga et al. 2022 (VTE); the warp, which has a target, is drawn by itself (warp.py)
        "vte": replace(VTE, steps=(PaddedCrop(), Flip())),
    },
)


@functools.cache
def pipeline(name: str, strength: int | None = None) -> Pipeline:
    """The pipeline of this name; with a strength 0 ... 3, its crop and its jitter are of that level of SimVAE's.

    StudyError where there is no such pipeline, or none of such a strength.
    """
    found = PIPELINES[name]
    return found if strength is None else found.at(strength)
