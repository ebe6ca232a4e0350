"""What we call things, and what the papers call them: the one table between the two.

A study speaks our names; the reference files keep the papers'.  A paper's own name is understood everywhere too, so a
thing without a row here is still reachable.  There is a row only where ours is the paper's own: a re-compressed data
set, a last epoch where the paper took the best one, would otherwise be compared as if they were the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ablate.options import Value
from ablate.registry import Registry, counted

Names = Mapping[str, str]
NUM_LABELS = "num_labels"  # the axis of labelled samples


@dataclass(frozen=True)
class Paper:
    """How one paper spells what studies name: ours → the paper's."""

    short: str  # its id in ablations.yaml
    datasets: Names = field(default_factory=dict)
    stand_ins: Names = field(default_factory=dict)  # data sets that take the place of the paper's; never compared
    methods: Names = field(default_factory=dict)  # a setting may tell: "simclr, distance_enhancement=0.1"
    families: Names = field(default_factory=dict)  # the paper's own names → that of rows which take them together
    metrics: Names = field(default_factory=dict)  # to "error_rate: k-NN" where the row's setting has to begin so
    metric_levels: Mapping[str, Names] = field(default_factory=dict)  # what one of our metrics tells of the rows
    usual: Names = field(default_factory=dict)  # levels of the paper's rows that go without saying
    axes: Names = field(default_factory=dict)  # by the last word of ours
    levels: Mapping[str, Names] = field(default_factory=dict)  # by the paper's axis

    def method(self, name: str, settings: Mapping[str, object]) -> str:
        """A method with its settings as the paper calls it, by the row of `methods` that says most of it."""
        rows = {key: conditions(key) for key in self.methods if key.partition(",")[0] == name}
        fitting = [key for key, wanted in rows.items() if all(spelled(settings.get(a)) == b for a, b in wanted.items())]
        return self.methods[max(fitting, key=len)] if fitting else name

    def told(self, name: str, settings: Mapping[str, object]) -> frozenset[str]:
        """The axes that the paper's name of a method tells the level of."""
        rows = [conditions(key) for key in self.methods if key.partition(",")[0] == name]
        return frozenset(self.axis(axis) for wanted in rows for axis in wanted)

    def names_of(self, method: str) -> frozenset[str]:
        """What the paper's rows may call a method, by our name or by the paper's."""
        name = self.methods.get(method, method)
        return frozenset({name, self.families.get(name, name)})

    def metric(self, name: str) -> str:
        """A metric as the paper calls it, whatever the count of labels in its probe's name."""
        return self.metrics.get(labels_of(name)[0], name)

    def told_by_metric(self, name: str) -> dict[str, Value]:
        """The levels of the paper's rows that one of our metrics tells: `knn-500/error_rate` is with 500 labels."""
        metric, labels = labels_of(name)
        return {**self.metric_levels.get(metric, {}), **({NUM_LABELS: labels} if labels else {})}

    def axis(self, path: str) -> str:
        """An axis or setting as the paper calls it: `method.smoothness` → `lambda`."""
        name = path.rpartition(".")[2]
        return self.axes.get(name, name)

    def level(self, axis: str, level: object) -> str:
        """A level as the paper prints it: `vat` of the axis `transformation` → `VAT`, 5.0 → `5`."""
        text = spelled(level)
        return self.levels.get(axis, {}).get(text, text)


def labels_of(metric: str) -> tuple[str, int]:
    """A metric and the count of labels in its probe's name: `knn-500/error_rate` → `knn/error_rate`, 500; 0 if none."""
    probe, _, name = metric.partition("/")
    kind, labels = counted(probe)
    return f"{kind}/{name}", labels


def spelled(level: object) -> str:
    """A level as text: 5.0 → `5`."""
    return f"{level:g}" if isinstance(level, float) else str(level)


def conditions(row: str) -> dict[str, str]:
    """What a row of `methods` says of settings: `simclr, distance_enhancement=0.1`."""
    pairs = (part.strip().partition("=") for part in row.split(",")[1:])
    return {name: level for name, _, level in pairs}


PAPERS: Registry[Paper] = Registry(
    "paper",
    {
        "invariant-features": Paper(
            "invariant",
            datasets={
                "emnist-digits": "EMNIST-Digits",
                "fashion-mnist": "FashionMNIST",
                "fsdd": "FSDD",
                "20newsgroups": "20news",
                "reuters-10k": "Reuters-10k",
            },
            stand_ins={"mnist": "EMNIST-Digits", "reuters-21578": "Reuters-10k", "msi": "MSI (rat brain)"},
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
            families=dict.fromkeys(("AE", "AAE", "SAE", "DAE", "VAE"), "AE family (AE/AAE/SAE/DAE/VAE)"),
            metrics={
                "linear/accuracy": "linear_accuracy",
                "graph/accuracy": "tsne_21nn_accuracy",
                "mine/fitted_information": "mutual_information",  # the paper's bound is of the samples it is fitted to
                "regression/rss": "rss",
                "clustering/best_accuracy": "clustering_accuracy",  # the best of the last ten epochs, as in Table IV
                "clustering/best_nmi": "nmi",
                "clustering/best_ari": "ari",
                "size/million_parameters": "num_params",
            },
            axes={"smoothness": "lambda", "iterations": "sinkhorn_iterations"},
            levels={
                "transformation": {"np": "NP", "rp": "RP", "rp+vat": "RP+VAT", "vat": "VAT"},
                "batchnorm": {
                    **{"none": "No-BN", "encoder": "EN-BN", "classifier": "CL-BN", "both": "EN-CL-BN"},
                    **{"False": "off", "True": "on"},  # of autoencoders
                },
            },
        ),
        "vte": Paper(
            "vte",
            datasets={"cifar10": "CIFAR-10", "stl10-32": "STL-10"},
            methods={
                "avt": "AVT",
                "predictive-transformation": "predictive-transformation",
                "vte-barber-agakov": "VTEBA",
                "vte-infonce-separated": "VTEInfoNCE separated",
                "vte-infonce-concatenated": "VTEInfoNCE concatenated",
            },
            metrics={
                "classifier/error_rate": "error_rate: MLP classifier",
                "knn/error_rate": "error_rate: k-NN classifier",
                "logistic/error_rate": "error_rate: multinomial logistic regression",
            },
            axes={"two_phase": "training"},
            levels={"training": {"True": "two_stage", "False": "one_stage"}},
        ),
        "aavae": Paper(
            "aavae",
            datasets={"cifar10": "CIFAR-10", "stl10": "STL-10"},
            methods={"ae": "AE", "vae": "VAE", "aaae": "AAAE", "aavae": "AAVAE", "simclr": "SimCLR"},
            metrics={
                "linear/accuracy": "linear_accuracy",
                "density/bits_per_dimension": "bits_per_dim",
                "similarity/gap": "within_minus_between_cosine",
            },
            axes={"weight": "beta", "scale": "logscale"},
            levels={
                "decoder": {f"resnet{depth}": f"decoder{depth}" for depth in (18, 34, 50)},
                "logscale": {"fixed": "fixed_0"},
            },
        ),
        "distance-enhancement": Paper(
            "de",
            datasets={"cifar10": "CIFAR-10"},
            methods={
                "random": "Untrained ResNet-50",
                "swav": "SwAV",
                "moco-v2": "MoCo v2",
                "simclr": "SimCLR",
                "simclr, distance_enhancement=0.1": "SimCLR + DE",
                "supervised": "Supervised CE",
                "supervised, distance_enhancement=1": "Supervised CE + DE",
            },
            metrics={
                "nlad/nlad": "nlad",
                "confident/accuracy": "confident_clustering_accuracy",
                "prediction/accuracy": "classification_accuracy",
            },
            usual={"pre-training set": "CIFAR-10"},
            axes={"distance_enhancement": "lambda", "kept": "kept_fraction"},
        ),
        "simvae": Paper(
            "simvae",
            datasets={
                "mnist": "MNIST",
                "fashion-mnist": "FashionMNIST",
                "cifar10": "CIFAR-10",
                "celeba": "CelebA",
            },
            methods={
                "random": "Random",
                "simclr": "SimCLR",
                "moco": "MoCo",
                "vicreg": "VICReg",
                "vae": "VAE",
                "beta-vae": "beta-VAE",
                "cr-vae": "CR-VAE",
                "simvae": "SimVAE",
            },
            metrics={
                "linear/accuracy": "linear_probe_accuracy",
                "mlp/accuracy": "mlp_probe_accuracy",
                "attributes/accuracy": "mean_attribute_mlp_accuracy",
                "hair/accuracy": "mlp_probe_accuracy",
                "knn/best_accuracy": "knn_accuracy",
                "gmm/accuracy": "gmm_accuracy",
                "gmm/nmi": "nmi",
                "gmm/ari": "ari",
                "reconstruction/mse": "mse",
                "fid/fid": "fid",
            },
            metric_levels={"hair/accuracy": {"target": "5-class hair colour"}},
            usual={"target": "gender"},
            axes={
                "views": "num_views",
                "variance": "likelihood_variance",
                "strength": "augmentation_strength",
                "cluster_prior": "prior_on_cluster_mean",
            },
        ),
    },
)
