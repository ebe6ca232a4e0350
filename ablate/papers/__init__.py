"""The table of papers: the names in each paper for the methods, data sets, metrics and options of studies."""

from ablate.papers.names import PaperNames
from ablate.registry import Registry
from ablate.row_checks import RowError, instance_of


def check_paper(row: object) -> None:
    """RowError where a row is malformed or has the prefix of a built-in one; other errors where its files are."""
    from ablate.papers.defaults import read_defaults
    from ablate.papers.reference import read_ablations, read_numbers, read_title

    instance_of(PaperNames)(row)
    assert isinstance(row, PaperNames)
    if any(row.prefix == other.prefix and row is not other for other in PAPERS.values()):
        raise RowError(f"the prefix '{row.prefix}' is taken by another paper", "choose another prefix")
    read_title(row)
    read_ablations("", row)
    read_numbers(row)
    read_defaults(row.package, row.prefix)


PAPERS: Registry[PaperNames] = Registry(
    "paper",
    "ablate.papers",
    {
        "invariant-features": PaperNames(
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
            method_groups=dict.fromkeys(("AE", "AAE", "SAE", "DAE", "VAE"), "AE family (AE/AAE/SAE/DAE/VAE)"),
            metrics={
                "linear/accuracy": "linear_accuracy",
                "graph/accuracy": "tsne_21nn_accuracy",
                "mine/fitted_information": "mutual_information",  # the paper fits and measures on the same samples
                "regression/rss": "rss",
                "clustering/best_accuracy": "clustering_accuracy",  # best of the last ten epochs, as in Table IV
                "clustering/best_nmi": "nmi",
                "clustering/best_ari": "ari",
                "size/million_parameters": "num_params",
                "train/target_entropy": "target_row_entropy",
            },
            better_of=dict.fromkeys(("ae", "aae", "sae", "dae", "vae"), "method.batchnorm"),
            axes={"sinkhorn_lambda": "lambda"},
            levels={
                "transformation": {"np": "NP", "rp": "RP", "rp+vat": "RP+VAT", "vat": "VAT"},
                "batchnorm": {
                    **{"none": "No-BN", "encoder": "EN-BN", "classifier": "CL-BN", "both": "EN-CL-BN"},
                    **{"False": "off", "True": "on"},  # of autoencoders
                },
            },
        ),
        "vte": PaperNames(
            "vte",
            datasets={"cifar10": "CIFAR-10", "stl10-32": "STL-10"},
            stand_ins={"cifar10-jpeg": "CIFAR-10"},
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
            classifiers={
                "mlp": "MLP classifier",
                "knn": "k-NN classifier",
                "logistic_regression": "multinomial logistic regression",
            },
            axes={"two_phase": "training"},
            levels={"training": {"True": "two_stage", "False": "one_stage"}},
        ),
        "aavae": PaperNames(
            "aavae",
            datasets={"cifar10": "CIFAR-10", "stl10": "STL-10"},
            stand_ins={"cifar10-jpeg": "CIFAR-10"},
            methods={"ae": "AE", "vae": "VAE", "aaae": "AAAE", "aavae": "AAVAE", "simclr": "SimCLR"},
            metrics={
                "linear/accuracy": "linear_accuracy",
                "density/bits_per_dimension": "bits_per_dim",
                "similarity/gap": "within_minus_between_cosine",
            },
            axes={"likelihood_scale": "logscale", "network": "encoder"},
            levels={
                "decoder": {f"resnet{depth}": f"decoder{depth}" for depth in (18, 34, 50)},
                "logscale": {"fixed": "fixed_0"},
            },
        ),
        "distance-enhancement": PaperNames(
            "de",
            datasets={"cifar10": "CIFAR-10"},
            stand_ins={"cifar10-jpeg": "CIFAR-10"},
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
            default_levels={"pre-training set": "CIFAR-10"},
            axes={"distance_enhancement": "lambda", "network": "backbone"},
        ),
        "simvae": PaperNames(
            "simvae",
            spread="standard error",
            datasets={
                "mnist": "MNIST",
                "fashion-mnist": "FashionMNIST",
                "cifar10": "CIFAR-10",
                "celeba": "CelebA",
            },
            stand_ins={"cifar10-jpeg": "CIFAR-10"},
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
            default_levels={"target": "gender"},
            axes={
                "views": "num_views",
                "strength": "augmentation_strength",
                "cluster_prior": "prior_on_cluster_mean",
            },
        ),
    },
    check_paper,
)
