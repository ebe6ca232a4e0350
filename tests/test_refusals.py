"""Settings that cannot work on the data are refused with place and remedy before anything runs."""

from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.planning.resolve import resolve
from ablate.study.read import read_study

STUDY = """\
question: Does this work?
method: {method}
dataset: {dataset}
fixed: {{{fixed}}}
probes: [{probe}]
seeds: 1
metric: {probe}/accuracy
"""

REFUSED = [  # method, data set, fixed, probe, the message after the file's name
    (
        "simclr",
        "mnist",
        "",
        "classifier-70000",
        "5:10: 70000 labels of 10 classes cannot be taken from 60000 training samples; "
        "set labels to 10 at least and 60000 at most, or leave it out for all",
    ),
    (
        "simclr",
        "digits",
        "probes.knn.neighbors: 2000",
        "knn",
        "5:10: 2000 neighbors cannot vote among 1437 training samples; "
        "set neighbors to 1437 or fewer, or use more data",
    ),
    (
        "simclr",
        "digits",
        "method.augmentation: simclr-cifar10",
        "knn",
        "4:30: images of 1 channels cannot be normalized by the statistics of 3; "
        "choose an augmentation for such images",
    ),
    (
        "simclr",
        "digits",
        "method.augmentation: simclr",
        "knn",
        "4:30: no augmentation is called 'simclr'; did you mean 'simclr-grey'?",
    ),
    (
        "simclr",
        "mnist",
        "method.strength: 2, method.augmentation: none",
        "knn",
        "4:26: an augmentation without resized crop and jitter has no strength; "
        "leave the strength out, or choose an augmentation that has them",
    ),
    (
        "random",
        "mnist",
        "probes.linear.augmentation: simclr-cifar10",
        "linear",
        "5:10: images of 1 channels cannot be normalized by the statistics of 3; "
        "choose an augmentation for such images",
    ),
    (
        "aavae",
        "fsdd",
        "",
        "knn",
        "2:9: network 'resnet50' needs images (C, H, W), the data are vectors (2304); use network 'mlp'",
    ),
    (
        "avt",
        "digits",
        "method.network: alexnet",
        "knn",
        "4:25: network 'alexnet' needs images of at least 21 x 21 pixels, the data are 8 x 8; use network 'nin'",
    ),
    (
        "simvae",
        "digits",
        "training.batch_size: 5",
        "knn",
        "4:30: a batch holds fewer than the 10 views of one image; "
        "use training.batch_size of at least 10, which counts views",
    ),
    (
        "simclr",
        "mnist",
        "training.batch_size: 70000",
        "knn",
        "4:30: batch size 70000 is larger than the 60000 samples of the training set; "
        "use training.batch_size of at most 60000",
    ),
    (
        "simclr",
        "mnist",
        "training.samples: 100",
        "knn",
        "4:27: batch size 128 is larger than the 100 samples of the training set; "
        "use training.batch_size of at most 100",
    ),
    (
        "simclr",
        "mnist",
        "training.samples: 70000",
        "knn",
        "4:27: 70000 samples are more than the 60000 of the training set; "
        "use training.samples of at most 60000, or 0 for all",
    ),
    (
        "supervised",
        "cifar10",
        "training.batch_size: 1",
        "knn",
        "4:30: batch norm cannot work on batches of 1; use a larger training.batch_size or network 'mlp'",
    ),
    (
        "moco",
        "mnist",
        "method.queue: 64",
        "knn",
        "4:23: the queue of 64 keys is smaller than a batch of 128; use method.queue of at least 128",
    ),
    (
        "vicreg",
        "mnist",
        "",
        "prediction",
        "5:10: the probe prediction needs a method with a classifier of its own, and 'vicreg' has none; "
        "leave the probe out, or choose from supervised",
    ),
    (
        "pca",
        "msi",
        "",
        "knn",
        "5:10: this probe needs labels of two classes or more, and there are 0; "
        "choose a labelled data set, or leave the probe out",
    ),
    (
        "pca",
        "mnist",
        "",
        "attributes",
        "5:10: this probe needs attributes, and there are 0 targets; choose celeba, or set task: label",
    ),
]


@pytest.mark.parametrize(
    ("method", "dataset", "fixed", "probe", "message"), REFUSED, ids=[f"{row[0]}-{row[2] or row[3]}" for row in REFUSED]
)
def test_settings_that_cannot_work_are_refused(
    tmp_path: Path, method: str, dataset: str, fixed: str, probe: str, message: str
) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(STUDY.format(method=method, dataset=dataset, fixed=fixed, probe=probe))
    with pytest.raises(StudyError) as raised:
        resolve(read_study(file))
    assert str(raised.value) == f"{file}:{message}"


def test_a_search_space_with_an_end_that_cannot_work_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(
        "method: invariant\ndataset: digits\ndesign: search\n"
        "search:\n  trials: 4\n  objectives: {linear/accuracy: maximize}\n"
        "  space:\n    training.batch_size: {low: 32, high: 4096}\n    method.k: {choices: [10, 20]}\n"
        "seeds: 1\nprobes: [linear]\nmetric: linear/accuracy\n"
    )
    message = "8:42: batch size 4096 is larger than the 1437 samples of the training set"
    with pytest.raises(StudyError) as raised:
        resolve(read_study(file))
    assert str(raised.value).startswith(f"{file}:{message}")


def test_the_best_accuracy_over_counts_of_neighbours_needs_one_snapshot_only(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    text = STUDY.format(method="pca", dataset="digits", fixed="", probe="knn")
    file.write_text(text.replace("knn/accuracy", "knn/best_accuracy"))
    assert len(resolve(read_study(file))) == 1
