"""Options and inputs that make a step of an image method short, for `ablate.testing.methods`."""

from collections.abc import Mapping

from ablate.options import Value

SMALL_SHAPE = (1, 8, 8)  # grey images
SMALL_PERCEPTRON: Mapping[str, Value] = {
    "network": "simvae-mlp",
    "width": 1,
    "latent_dim": 4,
    "augmentation": "simclr-grey",
}
