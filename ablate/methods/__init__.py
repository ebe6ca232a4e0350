"""The table of methods, by the names that studies use; a new method is one more row."""

from ablate.methods.aae import AdversarialAutoencoder
from ablate.methods.aavae import AAAE, AAVAE
from ablate.methods.autoencoders import Autoencoder, DenoisingAutoencoder, SparseAutoencoder
from ablate.methods.avt import AVT
from ablate.methods.barlow_twins import BarlowTwins
from ablate.methods.beta_vae import BetaVAE
from ablate.methods.classical import NMF, PCA
from ablate.methods.cpc import CPC
from ablate.methods.crvae import CRVAE
from ablate.methods.invariant import Invariant
from ablate.methods.manifolds import Isomap, LocallyLinear
from ablate.methods.method import Method
from ablate.methods.moco import MoCo, MoCoV2
from ablate.methods.simclr import SimCLR
from ablate.methods.simvae import SimVAE
from ablate.methods.supervised import Supervised
from ablate.methods.swav import SwAV
from ablate.methods.untrained import Random
from ablate.methods.vae import VAE
from ablate.methods.vicreg import VICReg
from ablate.methods.vte import BarberAgakov, ConcatenatedInfoNCE, PredictiveTransformation, SeparatedInfoNCE
from ablate.registry import Registry
from ablate.row_checks import options_class

METHODS: Registry[type[Method]] = Registry(
    "method",
    "ablate.methods",
    {
        "random": Random,
        "supervised": Supervised,
        "invariant": Invariant,
        "pca": PCA,
        "nmf": NMF,
        "isomap": Isomap,
        "lle": LocallyLinear,
        "ae": Autoencoder,
        "sae": SparseAutoencoder,
        "dae": DenoisingAutoencoder,
        "vae": VAE,
        "aae": AdversarialAutoencoder,
        "cpc": CPC,
        "avt": AVT,
        "predictive-transformation": PredictiveTransformation,
        "vte-barber-agakov": BarberAgakov,
        "vte-infonce-separated": SeparatedInfoNCE,
        "vte-infonce-concatenated": ConcatenatedInfoNCE,
        "aaae": AAAE,
        "aavae": AAVAE,
        "beta-vae": BetaVAE,
        "cr-vae": CRVAE,
        "simvae": SimVAE,
        "simclr": SimCLR,
        "moco": MoCo,
        "moco-v2": MoCoV2,
        "swav": SwAV,
        "vicreg": VICReg,
        "barlow-twins": BarlowTwins,
    },
    options_class(Method),
)
