"""The probes that a study can name."""

from ablate.probes.clustering import Clustering
from ablate.probes.graph import Graph
from ablate.probes.linear import Linear
from ablate.probes.neighbors import Neighbors
from ablate.probes.probe import Probe
from ablate.registry import Registry

PROBES: Registry[type[Probe]] = Registry(
    "probe", {"linear": Linear, "knn": Neighbors, "clustering": Clustering, "graph": Graph}
)
