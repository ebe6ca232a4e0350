"""The data sets, by the names that studies use."""

from ablate.data.dataset import Dataset
from ablate.data.digits import Digits
from ablate.data.idx import FashionMnist, Mnist
from ablate.data.speech import SpokenDigits
from ablate.data.text import Newsgroups, Reuters
from ablate.registry import Registry

DATASETS: Registry[type[Dataset]] = Registry(
    "data set",
    {
        "digits": Digits,
        "mnist": Mnist,
        "fashion-mnist": FashionMnist,
        "fsdd": SpokenDigits,
        "20newsgroups": Newsgroups,
        "reuters-21578": Reuters,
    },
)
