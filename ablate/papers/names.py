"""What we call things, and what the papers call them: the one table between the two.

A study speaks our names; the reference files keep the papers'.  A paper's own name is understood everywhere too, so a
thing without a row here is still reachable.  There is a row only where ours is the paper's own: a re-compressed data
set, a last epoch where the paper took the best one, would otherwise be compared as if they were the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ablate.registry import Registry

Names = Mapping[str, str]


@dataclass(frozen=True)
class Paper:
    """How one paper spells what studies name: ours → the paper's."""

    short: str  # its id in ablations.yaml
    datasets: Names = field(default_factory=dict)
    stand_ins: Names = field(default_factory=dict)  # data sets that take the place of the paper's; never compared
    methods: Names = field(default_factory=dict)
    metrics: Names = field(default_factory=dict)
    axes: Names = field(default_factory=dict)  # by the last word of ours
    levels: Mapping[str, Names] = field(default_factory=dict)  # by the paper's axis

    def axis(self, path: str) -> str:
        """An axis or setting as the paper calls it: `method.smoothness` → `lambda`."""
        name = path.rpartition(".")[2]
        return self.axes.get(name, name)

    def level(self, axis: str, level: object) -> str:
        """A level as the paper prints it: `vat` of the axis `transformation` → `VAT`, 5.0 → `5`."""
        text = f"{level:g}" if isinstance(level, float) else str(level)
        return self.levels.get(axis, {}).get(text, text)


PAPERS: Registry[Paper] = Registry(
    "paper",
    {
        "invariant-features": Paper(
            "invariant",
            datasets={"fsdd": "FSDD", "fashion-mnist": "FashionMNIST", "20newsgroups": "20news"},
            stand_ins={"mnist": "EMNIST-Digits", "reuters-21578": "Reuters-10k"},
            methods={
                "invariant": "Ours (VAT + Sinkhorn self-labelling)",
                "pca": "PCA",
                "nmf": "NMF",
                "lle": "LLE",
                "isomap": "Isomap",
                "ae": "AE",
                "aae": "AAE",
                "sae": "SAE",
                "dae": "DAE",
                "vae": "VAE",
                "cpc": "CPC",
            },
            metrics={
                "linear/accuracy": "linear_accuracy",
                "graph/accuracy": "tsne_21nn_accuracy",
                "clustering/best_accuracy": "clustering_accuracy",  # the best of the last ten epochs, as in Table IV
                "clustering/best_nmi": "nmi",
                "clustering/best_ari": "ari",
            },
            axes={"smoothness": "lambda", "iterations": "sinkhorn_iterations"},
            levels={
                "transformation": {"np": "NP", "rp": "RP", "rp+vat": "RP+VAT", "vat": "VAT"},
                "batchnorm": {"none": "No-BN", "encoder": "EN-BN", "classifier": "CL-BN", "both": "EN-CL-BN"},
            },
        ),
        "vte": Paper("vte"),
        "aavae": Paper("aavae", metrics={"linear/accuracy": "linear_accuracy"}),
        "distance-enhancement": Paper("de"),
        "simvae": Paper(
            "simvae",
            datasets={"mnist": "MNIST", "fashion-mnist": "FashionMNIST"},
            metrics={"linear/accuracy": "linear_probe_accuracy"},
        ),
    },
)
