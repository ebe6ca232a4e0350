"""The table of probes, by the names that studies use; a new probe is one more row."""

from ablate.probes.attributes import Attributes
from ablate.probes.classifier import Classifier
from ablate.probes.clustering import Clustering
from ablate.probes.confident import Confident
from ablate.probes.counted import labelled_probe
from ablate.probes.density import Density
from ablate.probes.frechet import FID
from ablate.probes.graph import Graph
from ablate.probes.hair import Hair
from ablate.probes.information import Information
from ablate.probes.linear import Linear
from ablate.probes.logistic import Logistic
from ablate.probes.mixture import Mixture
from ablate.probes.mlp import MLP
from ablate.probes.neighbors import Neighbors
from ablate.probes.nlad import NLAD
from ablate.probes.prediction import Prediction
from ablate.probes.probe import Probe
from ablate.probes.reconstruction import Reconstruction
from ablate.probes.regression import Regression
from ablate.probes.similarity import Similarity
from ablate.probes.size import Size
from ablate.registry import Registry
from ablate.row_checks import options_class

PROBES: Registry[type[Probe]] = Registry(
    "probe",
    "ablate.probes",
    {
        "linear": Linear,
        "mlp": MLP,
        "classifier": Classifier,
        "logistic": Logistic,
        "knn": Neighbors,
        "gmm": Mixture,
        "clustering": Clustering,
        "graph": Graph,
        "confident": Confident,
        "mine": Information,
        "nlad": NLAD,
        "regression": Regression,
        "prediction": Prediction,
        "attributes": Attributes,
        "hair": Hair,
        "similarity": Similarity,
        "reconstruction": Reconstruction,
        "fid": FID,
        "density": Density,
        "size": Size,
    },
    options_class(Probe),
    derive=labelled_probe,
)
