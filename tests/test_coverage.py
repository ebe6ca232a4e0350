"""Studies cover every method, data set and probe, and every ablation and printed number of the papers."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ablate.catalog import entry
from ablate.coverage import line_of, printed_lines
from ablate.data import DATASETS
from ablate.errors import StudyError
from ablate.methods import METHODS
from ablate.papers import PAPERS
from ablate.papers.reference import ablations, numbers, places_of
from ablate.planning.resolve import resolve
from ablate.probes import PROBES
from ablate.probes.counted import split_labels
from ablate.study.model import Study
from ablate.study.read import read_study, study_file
from ablate.trial import Trial

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "studies"
FILES = [file for file in sorted(FOLDER.rglob("*.yaml")) if "findings" not in file.relative_to(FOLDER).parts]
PROFILES = ("small", "recompressed")  # with data that stand in for the paper's

Resolved = Sequence[tuple[Study, Sequence[Trial]]]


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    """Every study with the papers' data and with data that stand in for them, each with its trials of one seed."""
    return tuple((study, resolve(study.model_copy(update={"seeds": study.seeds[:1]}))) for study in read_all())


def read_all() -> Iterator[Study]:
    for file in FILES:
        yield read_study(file)
        for profile in PROFILES:
            if f"  {profile}:" in file.read_text():
                yield read_study(file, profile)


def test_every_ablation_has_a_file_of_its_name_that_refers_to_it() -> None:
    for one in ablations():
        study = read_study(FOLDER / f"{one.id}.yaml")
        assert study.paper is not None
        assert f"{PAPERS[study.paper.id].prefix}/{study.paper.ablation}" == one.id


def test_every_ablation_has_its_own_number_of_levels() -> None:
    """Except where levels are methods, or several scores of one encoder."""
    for one in ablations():
        if one.axis in ("method", "num_labels", "kept_fraction", "pretraining_dataset", "loss"):
            continue
        study = read_study(FOLDER / f"{one.id}.yaml")
        names = PAPERS[one.paper]
        axes = [levels for case in study.cases for axis, levels in case.axes.items() if names.axis(axis) == one.axis]
        assert axes, one.id
        assert all(len(levels) == len(one.values) for levels in axes), one.id


def test_every_method_of_a_paper_and_every_data_set_and_probe_is_used_by_a_study(resolved: Resolved) -> None:
    trials = [trial for _, found in resolved for trial in found]
    of_papers = {name.partition(",")[0] for paper in PAPERS.values() for name in paper.methods}
    assert {trial.config.method for trial in trials} >= of_papers & set(METHODS)
    assert {trial.config.dataset for trial in trials} == set(DATASETS)
    probes = {split_labels(PROBES, probe)[0] for study, _ in resolved for probe in study.probes}
    assert probes == set(PROBES)


def test_every_table_of_numbers_belongs_to_a_study(resolved: Resolved) -> None:
    papers = [study.paper for study, _ in resolved if study.paper is not None]
    asked = {(paper.id, place) for paper in papers for place in places_of(paper)}
    assert {(name, place) for name in PAPERS for row in numbers(name) for place in row.places} <= asked


def test_every_number_of_a_vte_table_is_covered(resolved: Resolved) -> None:
    papers = [(study, study.paper) for study, _ in resolved if study.name.startswith("method_")]
    lines = {
        line for study, paper in papers if paper is not None and paper.id == "vte" for line in printed_lines(study)
    }
    assert {row.table for row in numbers("vte") if line_of(row) in lines} == {
        "Table 1",
        "Table 2",
        "Table 3",
        "Table 4",
    }
    assert {line_of(row) for row in numbers("vte")} == lines


@pytest.mark.parametrize(
    ("paper", "left"),
    [
        ("invariant-features", {"MSI (rat brain)", "train_time_per_epoch"}),  # not public; the authors' device
        ("vte", set()),
        ("aavae", {"AMDIM", "CPCv2", "YADIM", "SimCLR"}),  # quoted from others
        ("distance-enhancement", {"pre-training set=ImageNet"}),
        ("simvae", set()),
    ],
)
def test_a_paper_is_listed_with_what_no_study_covers(
    paper: str, left: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    details = entry("papers", paper).details
    uncovered = " ".join(details["not covered"].values())
    assert all(word in uncovered for word in left)
    assert bool(left) == bool(uncovered), uncovered
    assert set(details["studies"]) >= {one.id for one in ablations() if one.paper == paper}


def test_a_study_file_that_is_not_utf_8_is_skipped_in_the_list_of_papers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "latin.yaml").write_bytes("question: Größer?\npaper: {id: vte}\n".encode("latin-1"))
    monkeypatch.chdir(tmp_path)
    assert "studies unknown" in entry("papers", "vte").details


def test_short_names_find_their_study_and_shared_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert study_file("epsilon") == Path("studies/invariant/epsilon.yaml")
    assert study_file("studies/k.yaml") == Path("studies/invariant/k.yaml")
    with pytest.raises(StudyError, match="invariant/method_clustering, simvae/method_clustering"):
        study_file("method_clustering")
