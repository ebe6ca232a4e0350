"""The table of data sets, by the names that studies use; a new data set is one more row."""

from ablate.data.celeba import CelebA
from ablate.data.cifar import Cifar10, Cifar10Jpeg
from ablate.data.dataset import Dataset
from ablate.data.digits import Digits
from ablate.data.idx import EmnistDigits, FashionMnist, Mnist
from ablate.data.msi import Msi
from ablate.data.rcv1 import Reuters10k
from ablate.data.speech import SpokenDigits
from ablate.data.stl import SmallStl10, Stl10
from ablate.data.text import Newsgroups, Reuters
from ablate.registry import Registry
from ablate.row_checks import subclass_of

DATASETS: Registry[type[Dataset]] = Registry(
    "data set",
    "ablate.datasets",
    {
        "digits": Digits,
        "mnist": Mnist,
        "fashion-mnist": FashionMnist,
        "emnist-digits": EmnistDigits,
        "cifar10": Cifar10,
        "cifar10-jpeg": Cifar10Jpeg,
        "stl10": Stl10,
        "stl10-32": SmallStl10,
        "celeba": CelebA,
        "fsdd": SpokenDigits,
        "20newsgroups": Newsgroups,
        "reuters-21578": Reuters,
        "reuters-10k": Reuters10k,
        "msi": Msi,
    },
    subclass_of(Dataset),
)
