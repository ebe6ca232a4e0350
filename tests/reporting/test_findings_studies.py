"""The studies of `studies/findings` measure what their papers' findings are about, at a scale that a verdict names."""

from pathlib import Path

import pytest

from ablate.events import State
from ablate.papers.reference import ablation_of
from ablate.planning.resolve import resolve
from ablate.probes import PROBES
from ablate.registry import split_count
from ablate.reporting.content import verdicts
from ablate.reporting.paper_page import PaperStudy, smaller_than_paper, study_verdicts
from ablate.reporting.paper_page_formats import scale_text
from ablate.reporting.verdicts import FindingVerdict
from ablate.stats.results import Result
from ablate.stats.variants import variants_of
from ablate.study.model import Study
from ablate.study.read import STUDIES_FOLDER, read_study

OTHER_DATA = {  # their papers state the finding of other data sets only, and these do not replace them
    "distance_enhancement_mnist",
    "variance_fashion_mnist",
}
FILES = [file for file in sorted((STUDIES_FOLDER / "findings").glob("*.yaml")) if file.stem not in OTHER_DATA]
TRAINING_METRICS = ("train/target_entropy",)


def made_results(study: Study) -> list[Result]:
    """Results of all trials with all metrics of the study's probes, larger for later levels and seeds."""
    trials = resolve(study)
    names = [f"{probe}/{name}" for probe in study.probes for name in PROBES[split_count(probe)[0]].metrics]
    return [
        Result(trial, State.FINISHED, dict.fromkeys((*names, *TRAINING_METRICS), 0.1 + 0.01 * index))
        for index, trial in enumerate(trials)
    ]


def verdict_of(name: str) -> FindingVerdict:
    """The verdict of a study of `studies/findings` on its finding, from such results."""
    study = read_study(STUDIES_FOLDER / "findings" / f"{name}.yaml")
    assert study.paper is not None
    tested = ablation_of(study.paper)
    assert tested is not None
    (found,) = verdicts(study, [tested], made_results(study))
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_study_of_a_finding_gives_a_verdict_on_it_that_says_the_scale(file: Path) -> None:
    study = read_study(file)
    assert study.paper is not None
    tested = ablation_of(study.paper)
    assert tested is not None
    results = made_results(study)
    (found,) = verdicts(study, [tested], results)
    assert found.verdict.statements
    assert len(study.first_seeds) >= 2
    assert smaller_than_paper(study, variants_of(study, results, study.compared_metric), [tested])


def test_the_labels_of_probes_are_compared_within_each_method() -> None:
    found = verdict_of("label_fraction_cifar10")
    texts = [statement.text for statement in found.verdict.statements]
    assert len(texts) == 2 * 5  # one step, of two classifiers and five methods
    allowed = "5000 is below 500, or off by less than 0.5 percentage points"
    assert f"error_rate, CIFAR-10, k-NN classifier, AVT: {allowed}" in texts


def test_a_finding_of_some_methods_names_each_of_them_once() -> None:
    found = verdict_of("augmentation_strength_mnist")
    texts = [statement.text.partition(": ")[0] for statement in found.verdict.statements]
    assert list(dict.fromkeys(texts)) == [
        f"knn_accuracy, MNIST, {name}" for name in ("SimVAE", "SimCLR", "VICReg", "beta-VAE")
    ]


def test_cases_with_the_same_level_are_compared_apart_by_what_differs() -> None:
    found = verdict_of("num_views_mnist")
    first = "knn_accuracy, MNIST, training.epochs=10: 10 is at least as good as 2"
    assert found.verdict.statements[0].text == first
    assert any(text.startswith("knn_accuracy, MNIST, training.epochs=53: 10 was not") for text in found.untested)


def test_the_scale_names_networks_widths_and_data_that_differ_from_the_papers() -> None:
    study = read_study(STUDIES_FOLDER / "findings" / "beta_cifar10.yaml")
    (found,) = study_verdicts(PaperStudy(study, tuple(made_results(study))))
    assert scale_text(found) == (
        "batches of 64 instead of 256, simvae-mlp instead of resnet50, 12 of 3200 epochs, 5000 of 45000 labels of "
        "linear, 2000 of all training samples, a width of 32 instead of 64, cifar10-jpeg replaces CIFAR-10"
    )
