"""The studies that come with the project ask what the paper asked."""

from pathlib import Path

import pytest

from ablate.papers.reference import ablations_at
from ablate.resolve import propose, resolve, space
from ablate.settings import Value
from ablate.spec.read import read_study
from ablate.spec.study import Range, Study
from ablate.spec.write import to_yaml

FOLDER = Path(__file__).parent.parent / "studies"
FILES = sorted(FOLDER.glob("*.yaml"))
ALL = ("mnist", "fashion-mnist", "fsdd", "20newsgroups", "reuters-21578")

PAPERS = [  # study, figure or table, axis, levels, baseline, data sets, epochs
    ("k", "Figure 5", "method.k", (50, 100, 200, 500, 1000), 100, ALL, 5000),
    ("epsilon_text", "Figure 6", "method.epsilon", (10, 15, 20, 25, 30), 20, ("20newsgroups", "reuters-21578"), 5000),
    ("lambda_policy", "Figure 7", "method.smoothness", (0.5, 0.7, 0.9, "adaptive"), "adaptive", ALL[3:4], 10_000),
    ("transformation", "Table V", "method.transformation", ("np", "rp", "rp+vat", "vat"), "vat", ALL, 5000),
    ("batchnorm", "Table VI", "method.batchnorm", ("none", "encoder", "classifier", "both"), "both", ALL, 5000),
]


def read(name: str, profile: str | None = None) -> Study:
    return read_study(FOLDER / f"{name}.yaml", profile)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_study_asks_a_question_and_can_be_resolved(file: Path) -> None:
    study = read_study(file)
    assert study.question.endswith("?")
    assert study.name == file.stem
    assert bool(resolve(study)) != study.searches


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_study_reads_again_as_it_is_logged(file: Path, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(to_yaml(read_study(file)))
    assert read_study(tmp_path / "study.yaml") == read_study(file)


@pytest.mark.parametrize("name", [file.stem for file in FILES if file.stem != "quickstart"])
def test_a_quick_study_needs_no_file_and_no_gpu(name: str) -> None:
    study = read(name, "quick")
    assert {case.dataset for case in study.cases} == {"digits"}
    assert study.resources.gpu == 0
    assert len(resolve(study)) <= 15
    assert all(case.fixed["training.epochs"] in (10, 20) for case in study.cases)


def test_the_first_study_needs_no_file_and_few_trials() -> None:
    jobs = resolve(read("quickstart"))
    assert {job.trial.dataset for job in jobs} == {"digits"}
    assert len(jobs) == 2 * 3 * 3


@pytest.mark.parametrize(
    ("name", "place", "axis", "levels", "baseline", "datasets", "epochs"), PAPERS, ids=[row[0] for row in PAPERS]
)
def test_a_study_has_the_papers_settings(
    name: str,
    place: str,
    axis: str,
    levels: tuple[Value, ...],
    baseline: Value,
    datasets: tuple[str, ...],
    epochs: int,
) -> None:
    study = read(name)
    assert tuple(case.dataset for case in study.cases) == datasets
    assert all(case.axes == {axis: levels} and case.baseline == {axis: baseline} for case in study.cases)
    assert study.seeds == (0, 1, 2, 3, 4)
    for job in resolve(study):
        assert (job.trial.training["epochs"], job.trial.training["batch_size"]) == (epochs, 256)
        assert (job.trial.settings["xi"], job.trial.settings["latent_dim"]) == (10.0, 10)
    assert study.paper is not None
    assert ablations_at(study.paper.id, place)


def test_the_radius_is_varied_around_the_papers_for_each_data_set() -> None:
    study = read("epsilon")
    assert [(case.dataset, case.axes, case.baseline) for case in study.cases] == [
        ("mnist", {"method.epsilon": (1, 2, 3, 4, 5)}, {"method.epsilon": 2}),
        ("fashion-mnist", {"method.epsilon": (1, 2, 3, 4, 5)}, {"method.epsilon": 2}),
        ("fsdd", {"method.epsilon": (1, 2, 3, 4, 5)}, {"method.epsilon": 5}),
    ]
    assert len(resolve(study)) == 3 * 5 * 5


def test_studies_of_other_knobs_keep_the_papers_radius_for_each_data_set() -> None:
    radius = {job.trial.dataset: job.trial.settings["epsilon"] for job in resolve(read("transformation"))}
    assert radius == {"mnist": 2.0, "fashion-mnist": 2.0, "fsdd": 5.0, "20newsgroups": 20.0, "reuters-21578": 20.0}


def test_the_search_proposes_radius_outputs_and_learning_rate() -> None:
    study = read("search")
    assert space(study) == {
        "method.epsilon": Range(low=0.5, high=20.0, log=True),
        "method.k": Range(low=20, high=1000, log=True),
        "training.learning_rate": Range(low=5e-5, high=5e-3, log=True),
    }
    jobs = propose(study, {"method.epsilon": 4.0, "method.k": 64, "training.learning_rate": 1e-3})
    assert [job.trial.seed for job in jobs] == [0, 1, 2]
    assert jobs[0].trial.training["learning_rate"] == 1e-3
