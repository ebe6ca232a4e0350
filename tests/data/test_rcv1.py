"""Reuters-10k from token and topic files that the tests write."""

import gzip
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from ablate.data import rcv1
from ablate.data.checksum import checksum
from ablate.data.dataset import File
from ablate.data.rcv1 import Reuters10k, single_roots, stories
from ablate.data.text import tf_idf, word_counts
from ablate.driver.launch import launch
from ablate.driver.summary import all_trials
from ablate.errors import DataError
from ablate.paths import Store
from ablate.study.read import read_study
from ablate.testing.backends import in_process_backends
from ablate.testing.memory import MemoryStore

ROOTS = ("CCAT", "GCAT", "MCAT", "ECAT")


def write_rcv1(folder: Path, parts: list[list[tuple[int, str]]], topics: list[tuple[str, int]]) -> None:
    """Write token files and the topics file in their original format."""
    (folder / "RCV1").mkdir(exist_ok=True)
    for file, part in zip(Reuters10k.files, parts, strict=False):
        text = "".join(f".I {number}\n.W\n{stems}\n\n" for number, stems in part)
        (folder / file.path).write_bytes(gzip.compress(text.encode()))
    rows = "".join(f"{topic} {number} 1\n" for topic, number in topics)
    (folder / Reuters10k.files[-1].path).write_bytes(gzip.compress(rows.encode()))


def test_a_story_is_read_as_its_number_and_stems(tmp_path: Path) -> None:
    path = tmp_path / "tokens.gz"
    path.write_bytes(gzip.compress(b".I 2286\n.W\nrecov recov\nexcit\n\n.I 2287\n.W\noil\n\n"))
    assert [(number, stems.split()) for number, stems in stories(path)] == [
        (2286, ["recov", "recov", "excit"]),
        (2287, ["oil"]),
    ]


def test_only_stories_with_exactly_one_root_category_have_a_class(tmp_path: Path) -> None:
    path = tmp_path / "topics.gz"
    rows = "C15 1 1\nCCAT 1 1\nECAT 2 1\nMCAT 2 1\nM11 3 1\nECAT 4 1\nGCAT 5 1\nMCAT 6 1\n"
    path.write_bytes(gzip.compress(rows.encode()))
    assert single_roots(path) == {1: 0, 4: 3, 5: 1, 6: 2}


def corpus() -> tuple[list[list[tuple[int, str]]], list[tuple[str, int]]]:
    """Forty stories in five files, ten of each root category; each has a stem that contains its number."""
    parts = [[(10 * part + index, f"oil stem{10 * part + index}") for index in range(8)] for part in range(5)]
    numbers = [number for part in parts for number, _ in part]
    return parts, [(ROOTS[place % 4], number) for place, number in enumerate(numbers)]


def test_stories_are_drawn_from_all_files_with_the_authors_seed(tmp_path: Path) -> None:
    parts, topics = corpus()
    write_rcv1(tmp_path, parts, topics)
    data = Reuters10k().read(tmp_path)
    assert data.x.shape == (40, 41)  # 'oil' and one stem of each story
    assert torch.bincount(data.y).tolist() == [10] * 4
    # numpy's legacy generator with seed 1234 permutes the forty positions; the class of a position is position % 4
    order = np.random.RandomState(1234).permutation(40)
    assert data.y.tolist() == (order % 4).tolist()
    assert torch.bincount(data.y[data.test]).tolist() == [2] * 4


def test_word_statistics_are_of_all_stories_and_not_only_of_those_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, topics = corpus()
    write_rcv1(tmp_path, parts, topics)
    monkeypatch.setattr(rcv1, "STORIES", 20)
    data = Reuters10k().read(tmp_path)
    assert data.x.shape == (20, 41)
    # 'oil' is in all 40 stories: idf 1; a story's own stem is in one: idf log(41 / 2) + 1
    own = math.log(41 / 2) + 1
    values = sorted(data.x[0][data.x[0] > 0].tolist())
    length = math.hypot(1, own)
    assert values == pytest.approx([math.sqrt(41) / length, math.sqrt(41) * own / length], rel=1e-5)


def test_stems_that_look_like_english_stop_words_are_counted() -> None:
    # stop words were removed before stemming, so every stem in the files is counted
    assert word_counts(["ever ever oil"], 2).toarray().tolist() == [[2, 1]]


def test_rows_have_the_norm_of_the_square_root_of_the_vocabulary_size() -> None:
    weights = tf_idf(word_counts(["oil oil gas", "gas tin"], 3))
    np.testing.assert_allclose(np.sqrt(weights.multiply(weights).sum(axis=1)), math.sqrt(3), rtol=1e-6)


def test_a_truncated_token_file_is_refused(tmp_path: Path) -> None:
    parts, topics = corpus()
    write_rcv1(tmp_path, parts, topics)
    path = tmp_path / "RCV1/lyrl2004_tokens_train.dat.gz"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"lyrl2004_tokens_train.dat.gz: the file cannot be decoded: "):
        Reuters10k().read(tmp_path)


@pytest.mark.parametrize("content", [b".I 1\noil gas\n", b".I one\n.W\noil\n", ".I 1\n.W\nöl\n".encode()])
def test_content_that_is_no_token_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match=r"a.gz: the file cannot be decoded: "):
        list(stories(tmp_path / "a.gz"))


def test_a_topic_line_without_a_story_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"CCAT 1 1\nGCAT\n"))
    with pytest.raises(DataError, match=r"a.gz: the file cannot be decoded: "):
        single_roots(tmp_path / "a.gz")


def test_files_without_a_published_checksum_are_verified_by_size(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"12345")
    assert checksum(tmp_path / "a.bin", "bytes") == "bytes:5"
    assert [file.checksums[0] for file in Reuters10k.files[:2]] == ["bytes:44734992", "bytes:45595102"]
    assert Reuters10k.files[-1].checksums[0].startswith("sha256:")


@pytest.mark.parametrize("index", [0, -1], ids=["stories", "topics"])
def test_an_empty_file_is_refused_by_name(index: int, tmp_path: Path) -> None:
    write_rcv1(tmp_path, *corpus())
    path = tmp_path / Reuters10k.files[index].path
    path.write_bytes(b"")
    with pytest.raises(DataError, match="the file cannot be decoded: it has no story") as error:
        Reuters10k().read(tmp_path)
    assert error.value.place == str(path)


STUDY = """
question: How many components?
method: pca
dataset: reuters-10k
axes: {method.latent_dim: [1, 2]}
seeds: 1
probes: [size]
metric: size/million_parameters
"""


def serve(site: Path) -> tuple[File, ...]:
    """The files of Reuters-10k, small ones below a folder, of which only the size is known."""
    site.mkdir()
    write_rcv1(site, *corpus())
    served = []
    for file in Reuters10k.files:
        path = site / file.path
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 0))
        served.append(File(file.path, (path.as_uri(),), (f"bytes:{path.stat().st_size}",)))
    return tuple(served)


def test_stories_are_part_of_the_keys_once_they_are_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reuters10k, "files", serve(tmp_path / "site"))
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path / "data"))
    (tmp_path / "data/RCV1").mkdir(parents=True)
    (tmp_path / "stories.yaml").write_text(STUDY)
    study, store, tracking = read_study(tmp_path / "stories.yaml"), Store(tmp_path / "store"), MemoryStore()

    def run() -> tuple[int, set[str]]:
        ran = launch(study, store, backends=in_process_backends(tracking)).ran
        records = tracking.snapshot("stories").records.values()
        return ran, {record.trial.config.data for record in records if record.trial}

    ran, (first,) = run()
    assert (ran, len(first), run()) == (2, 16, (0, {first}))
    changed = tmp_path / "data" / Reuters10k.files[0].path
    changed.write_bytes(gzip.compress(gzip.decompress(changed.read_bytes()).replace(b"oil", b"gas"), 0))
    ran, contents = run()
    assert (ran, len(contents), "" in contents) == (2, 2, False)
    shutil.rmtree(tmp_path / "data")
    found = all_trials(study, store.study("stories"), tracking.snapshot("stories").records)
    assert {trial.config.data for trial in found} == contents - {first}  # those of the last run are reported
