"""The options of a launch, and the nodes that they plan for; importing them loads nothing of what a launch uses."""

from dataclasses import dataclass

from ablate.cluster.ray_environment import cluster_address
from ablate.planning.resources import Node, this_node


@dataclass(frozen=True)
class Options:
    """The options of a launch, apart from its study."""

    address: str = ""  # of a Ray cluster; empty: the one that RAY_ADDRESS names, else this machine
    min_nodes: int = 1  # nodes with CPUs that a cluster must have before anything starts
    wait: float = 0.0  # seconds to wait for as many
    retry: bool = False  # run failed trials again
    checkpoint_every: float = 60.0  # seconds
    shared: bool = False  # let others read the store

    @property
    def cluster(self) -> str:
        """The address of the cluster that is used; empty for this machine."""
        return cluster_address(self.address)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes that are known before Ray starts: this machine, or none for a cluster."""
        return () if self.cluster else (this_node(),)


def nodes_to_plan_for(options: Options) -> tuple[Node, ...]:
    """The nodes of the cluster, which is joined for the answer, else this machine."""
    if not options.cluster:
        return options.nodes
    from ablate.cluster.ray_cluster import nodes_at  # with Ray

    return nodes_at(options.cluster)
