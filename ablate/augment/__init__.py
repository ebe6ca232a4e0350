"""The table of augmentation pipelines, by the names that studies use; a new pipeline is one more row.

Where the images of a row change, its trials run again only with a revision in `planning/pipeline_revisions.py`.
"""

import functools
from dataclasses import replace

from ablate.augment.blur import Blur
from ablate.augment.color import ChannelDrop, Grayscale, Jitter
from ablate.augment.enlarged import Enlarged
from ablate.augment.geometry import Flip, PaddedCrop, ResizedCrop
from ablate.augment.pipeline import Pipeline
from ablate.registry import Registry
from ablate.row_checks import instance_of

CIFAR = Pipeline(mean=(125.3 / 255, 123.0 / 255, 113.9 / 255), std=(63.0 / 255, 62.1 / 255, 66.7 / 255))
STL = Pipeline(mean=(0.43, 0.42, 0.39), std=(0.27, 0.26, 0.27), enlarged=105 / 96)
VTE = Pipeline(mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010))

SIMVAE_GREY = (ResizedCrop((0.4, 1.0), (0.75, 1.3)), Flip("vertical"))
SIMVAE_COLOUR = (Jitter(0.8, 0.2), ResizedCrop((0.6, 1.0), (0.75, 1.3)))

PIPELINES: Registry[Pipeline] = Registry(
    "augmentation",
    "ablate.augmentations",
    {
        "none": Pipeline(),
        "normalized-cifar10": CIFAR,
        "normalized-stl10": STL,
        # SimCLR's, as used by Falcon et al. 2021 (AAVAE) and the Distance Enhancement paper
        "simclr-cifar10": replace(CIFAR, transforms=(ResizedCrop(), Flip(), Jitter(0.4, 0.1), Grayscale())),
        "simclr-stl10": replace(STL, transforms=(ResizedCrop(), Flip(), Jitter(0.8, 0.2), Grayscale(), Blur())),
        "simclr-grey": Pipeline(transforms=(ResizedCrop((0.4, 1.0)),)),
        # AAVAE by its text, which has 'random channel drop' where its code has grayscale
        "channel-drop-cifar10": replace(CIFAR, transforms=(ResizedCrop(), Flip(), Jitter(0.4, 0.1), ChannelDrop())),
        # for classifiers; the last two are for probes, whose encoder normalizes its inputs itself
        "crop-flip": replace(CIFAR, transforms=(PaddedCrop(), Flip())),
        "crop-flip-reflect": Pipeline(transforms=(PaddedCrop(mode="reflect"), Flip())),
        "resized-crop-flip": Pipeline(transforms=(ResizedCrop(), Flip())),
        # Bizeul, Schölkopf & Allen 2024 (SimVAE), appendix
        "simvae-mnist": Pipeline(transforms=SIMVAE_GREY, threshold=0.5),
        "simvae-fashion-mnist": Pipeline(transforms=SIMVAE_GREY),
        "simvae-cifar10": Pipeline(transforms=(*SIMVAE_COLOUR, Flip("vertical"))),
        # as the authors' code, which enlarges images first; an option, since it is slow and changes the resampling only
        "simvae-cifar10-256": Pipeline(transforms=(Enlarged(256, SIMVAE_COLOUR), Flip("vertical"))),
        "simvae-celeba": Pipeline(transforms=(*SIMVAE_COLOUR, Flip("vertical"))),
        "simvae-horizontal": Pipeline(transforms=(*SIMVAE_COLOUR, Flip())),  # the flip of its caption, colour images
        # Sinaga et al. 2022 (VTE); its projective warp, which has a target, is in warp.py
        "vte": replace(VTE, transforms=(PaddedCrop(), Flip())),
    },
    instance_of(Pipeline),
)


@functools.cache
def pipeline(name: str, strength: int | None = None) -> Pipeline:
    """The pipeline of this name; with a `strength` 0 ... 3, its crop and jitter are those of SimVAE's level.

    Raises StudyError where there is no such pipeline, or where it has no such strength.
    """
    found = PIPELINES[name]
    return found if strength is None else found.with_strength(strength)
