"""tf-idf vectors, 20 newsgroups and Reuters-21578."""

import io
import math
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ablate.data.dataset import Data
from ablate.data.text import Newsgroups, Reuters, stories, word_vectors
from ablate.errors import DataError

Load = Callable[[str], Data]


def pack(path: Path, members: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, text in members.items():
            content = text.encode("latin-1")
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def story(text: str, *topics: str, split: str = "TRAIN", used: str = "YES") -> str:
    marked = "".join(f"<D>{topic}</D>" for topic in topics)
    return (
        f'<REUTERS TOPICS="{used}" LEWISSPLIT="{split}" NEWID="1">\n<DATE>1-APR-1987</DATE><TOPICS>{marked}</TOPICS>\n'
        f"<PLACES><D>usa</D></PLACES><TEXT>&#2;\n<TITLE>{text}</TITLE></TEXT>\n</REUTERS>\n"
    )


def test_the_vocabulary_is_the_most_frequent_words_without_stop_words() -> None:
    # oil three times, gas twice, tin once; 'the' is a stop word
    x, kept = word_vectors(["the oil oil the", "oil gas", "gas tin"], words=2)
    assert x.shape == (3, 2)
    assert kept.all()
    assert (x != 0).tolist() == [[False, True], [True, True], [True, False]]  # gas, oil


def test_weights_are_sublinear_tf_by_smoothed_idf_scaled_to_the_square_root_of_words() -> None:
    x, _ = word_vectors(["oil oil gas", "gas"], words=2)
    # idf = log((1 + texts) / (1 + texts with the word)) + 1; tf = 1 + log(count)
    gas, oil = 1.0, (1 + math.log(2)) * (math.log(3 / 2) + 1)
    expected = torch.tensor([gas, oil]) / math.hypot(gas, oil) * math.sqrt(2)
    torch.testing.assert_close(x[0], expected)
    torch.testing.assert_close(x[1], torch.tensor([math.sqrt(2), 0.0]))


def test_texts_without_a_word_of_the_vocabulary_are_dropped_before_idf_is_computed() -> None:
    x, kept = word_vectors(["oil oil gas", "", "the of", "gas"], words=2)
    assert kept.tolist() == [True, False, False, True]
    torch.testing.assert_close(x, word_vectors(["oil oil gas", "gas"], words=2)[0])


def test_header_quotes_and_signature_of_a_post_are_removed(tmp_path: Path) -> None:
    post = "From: someone\nSubject: engines\n\nHe wrote:\n> old words\nmy own words\n\n--\nA Signature"
    pack(tmp_path / Newsgroups.files[0].path, {"20news-bydate-train/rec.autos/1": post})
    assert Newsgroups().documents(tmp_path) == (["my own words\n"], [0])


def test_groups_of_both_parts_are_numbered_in_order_of_name(tmp_path: Path) -> None:
    pack(
        tmp_path / Newsgroups.files[0].path,
        {
            "20news-bydate-train/sci.space/9": "a\n\nmoon",
            "20news-bydate-test/sci.space/2": "a\n\nmars",
            "20news-bydate-train/alt.atheism/3": "a\n\nbelief",
        },
    )
    assert Newsgroups().documents(tmp_path) == (["mars", "belief", "moon"], [1, 0, 1])


def test_a_story_is_read_as_its_title_and_body_without_markup() -> None:
    ((text, topics),) = stories(story("Oil &lt;OPEC> up", "crude"))
    assert text.split() == ["Oil", "<OPEC>", "up"]
    assert topics == ["crude"]


def test_only_modapte_stories_with_one_of_the_four_topics_are_read(tmp_path: Path) -> None:
    written = [
        story("one", "earn"),
        story("two", "trade", split="TEST"),
        story("three", "earn", split="NOT-USED"),
        story("four", "earn", used="NO"),
        story("five", "earn", "acq"),
        story("six"),
        story("seven", "cocoa"),
    ]
    pack(
        tmp_path / Reuters.files[0].path,
        {"reuters21578/reut2-000.sgm": "".join(written), "reuters21578/lewis.dtd": "x"},
    )
    texts, topics = Reuters().documents(tmp_path)
    assert [text.split()[-1] for text in texts] == ["one", "two"]
    assert topics == [0, 3]


def test_an_archive_without_folders_is_read(tmp_path: Path) -> None:
    pack(tmp_path / Reuters.files[0].path, {"./reut2-000.sgm": story("one", "crude")})
    assert Reuters().documents(tmp_path)[1] == [2]


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / Newsgroups.files[0].path, {"20news-bydate-train/rec.autos/1": "word " * 5000})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(
        DataError, match=r"20news-bydate.tar.gz: the file cannot be decoded: .*; replace it by a whole one"
    ):
        Newsgroups().documents(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["20newsgroups", "reuters-21578"])
def test_every_text_has_the_norm_of_the_square_root_of_2000(name: str, real: Load) -> None:
    data = real(name)
    torch.testing.assert_close(data.x.norm(dim=1), torch.full((len(data.x),), math.sqrt(2000)))
    assert (data.x != 0).float().mean() < 0.02  # Ntelemis et al. 2022: less than 2 % are nonzero


@pytest.mark.slow
def test_posts_that_are_empty_after_stripping_are_dropped(real: Load) -> None:
    data = real("20newsgroups")
    assert len(data.y) == 18199  # of 18846; the paper has 18040 and does not explain the difference
    assert torch.bincount(data.y).min() == 599
    assert torch.bincount(data.y).max() == 971
    assert int(data.test.sum()) == 3640


@pytest.mark.slow
def test_reuters_has_the_published_counts_of_its_four_topics(real: Load) -> None:
    data = real("reuters-21578")
    assert torch.bincount(data.y).tolist() == [3923, 2292, 374, 326]
    assert torch.bincount(data.y[data.test]).tolist() == [785, 458, 75, 65]
