"""News texts as tf-idf vectors: 20 newsgroups and Reuters-21578."""

from __future__ import annotations

import html
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.data.checksum import members
from ablate.data.dataset import Data, Dataset, File
from ablate.data.files import decoding
from ablate.data.split import held_out
from ablate.deferred import np, torch

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from torch import Tensor

WORDS = 2000  # size of the vocabulary


class Text(Dataset):
    """Documents as tf-idf vectors; a fifth of each class is held out.

    The vocabulary is chosen on all documents; those with no word of it are then dropped.
    """

    shape = (WORDS,)

    @abstractmethod
    def documents(self, folder: Path) -> tuple[list[str], list[int]]:
        """The texts and their classes, counted from 0."""

    def read(self, folder: Path) -> Data:
        texts, classes = self.documents(folder)
        x, kept = word_vectors(texts)
        y = torch.tensor(classes)[kept]
        return Data(x, y, held_out(y), scale=1.0, training_split="all")


def word_vectors(texts: Sequence[str], words: int = WORDS) -> tuple[Tensor, Tensor]:
    """Texts → weights (N, words) of the texts with a word of the vocabulary, and the mask of these among all texts.

    The vocabulary is the most frequent words of the texts, without English stop words; see `tf_idf` for the weights.
    """
    counts = word_counts(texts, words, stop_words="english")
    kept = counts.getnnz(axis=1) > 0
    return torch.from_numpy(tf_idf(counts[kept]).toarray()), torch.from_numpy(kept)


def word_counts(texts: Iterable[str], words: int, stop_words: str | None = None) -> csr_matrix:
    """Counts (texts, words), sparse float32, of the words that are most frequent in all texts together."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(stop_words=stop_words, max_features=words, dtype=np.float32)
    counts: csr_matrix = vectorizer.fit_transform(texts)
    return counts


def tf_idf(counts: csr_matrix) -> csr_matrix:
    """Counts (N, words) → (1 + log tf) · idf with smoothed idf, each row scaled to the norm √words.

    As in the code of Xie, Girshick and Farhadi 2016, Deep Embedded Clustering.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    weights: csr_matrix = TfidfTransformer(sublinear_tf=True).fit_transform(counts) * sqrt(counts.shape[1])
    return weights


def read_members(path: Path) -> list[tuple[str, str]]:
    """Name and text (Latin-1) of every file in an archive, sorted by name."""
    with decoding(path):
        return sorted((name, content.decode("latin-1")) for name, content in members(path))


class Newsgroups(Text):
    """20 newsgroups: posts without headers, footers and quotes, which scikit-learn's functions remove."""

    source = "Lang 1995, NewsWeeder; the 'bydate' version of Jason Rennie"
    description = "18199 posts to 20 newsgroups as 2000 tf-idf weights, 20 classes; a fifth is held out"
    classes = 20
    samples = 18199
    labelled = 14559
    files = (
        File(
            "20newsgroups/20news-bydate.tar.gz",
            (
                "https://ndownloader.figshare.com/files/5975967",
                "http://qwone.com/~jason/20Newsgroups/20news-bydate.tar.gz",
            ),
            (
                "sha256:8f1b2514ca22a5ade8fbb9cfa5727df95fa587f4c87b786e15c759fa66d95610",
                "posts-sha256:4aa572c75d5d2808c90bdef433dd5877e7283f6a4ed5089900d07df3bb8314f1",
            ),
        ),
    )

    def documents(self, folder: Path) -> tuple[list[str], list[int]]:
        posts = [(name.split("/")[-2], post) for name, post in read_members(self.files[0].find(folder))]
        groups = sorted({group for group, _ in posts})
        return [strip_post(post) for _, post in posts], [groups.index(group) for group, _ in posts]


def strip_post(post: str) -> str:
    """A post without its header, signature and quotes."""
    from sklearn.datasets import _twenty_newsgroups as strip

    bare = strip.strip_newsgroup_footer(strip.strip_newsgroup_header(post))
    return str(strip.strip_newsgroup_quoting(bare))


class Reuters(Text):
    """Reuters-21578: the stories of the ModApte split whose only topic is one of the four most frequent.

    A freely available substitute for the four root categories of RCV1; the results are not comparable.
    """

    source = "Lewis 1997, Reuters-21578 text categorization test collection, Distribution 1.0"
    description = (
        "6915 newswire stories of 1987 on one of 4 topics as 2000 tf-idf weights (not RCV1); a fifth is held out"
    )
    topics = ("earn", "acq", "crude", "trade")
    classes = 4
    samples = 6915
    labelled = 5532
    files = (
        File(
            "reuters21578/reuters21578.tar.gz",
            (
                "https://kdd.ics.uci.edu/databases/reuters21578/reuters21578.tar.gz",
                "https://archive.ics.uci.edu/ml/machine-learning-databases/reuters21578-mld/reuters21578.tar.gz",
                "http://www.daviddlewis.com/resources/testcollections/reuters21578/reuters21578.tar.gz",
            ),
            (
                "sha256:3bae43c9b14e387f76a61b6d82bf98a4fb5d3ef99ef7e7075ff2ccbcf59f9d30",
                "sgm-sha256:fcf062e8be5cdd4e3d4c7f28758d88da6bbd290069a22afb6901f5b3f3d2c224",
            ),
        ),
    )

    def documents(self, folder: Path) -> tuple[list[str], list[int]]:
        files = read_members(self.files[0].find(folder))
        found = [story for name, content in files if name.endswith(".sgm") for story in stories(content)]
        chosen = [(text, self.topics.index(topics[0])) for text, topics in found if self.has_one_topic(topics)]
        return [text for text, _ in chosen], [topic for _, topic in chosen]

    def has_one_topic(self, topics: Sequence[str]) -> bool:
        """Whether a story has exactly one topic, and that is one of the four."""
        return len(topics) == 1 and topics[0] in self.topics


def stories(content: str) -> Iterator[tuple[str, list[str]]]:
    """Text and topics of the stories in an SGML file that belong to the ModApte split."""
    for attributes, story in re.findall(r"<REUTERS (.*?)>(.*?)</REUTERS>", content, re.DOTALL):
        if 'TOPICS="YES"' in attributes and 'LEWISSPLIT="NOT-USED"' not in attributes:
            topics = story.partition("<TOPICS>")[2].partition("</TOPICS>")[0]
            text = story[story.index("<TEXT") :]
            yield html.unescape(re.sub(r"<.*?>", " ", text)), re.findall("<D>(.*?)</D>", topics)
