"""The data sets, by the names that studies use."""

from ablate.data.dataset import Dataset
from ablate.data.digits import Digits
from ablate.registry import Registry

DATASETS: Registry[type[Dataset]] = Registry("data set", {"digits": Digits})
