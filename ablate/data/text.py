"""News as vectors of weighted words."""

import html
import re
import tarfile
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ablate.data.dataset import Data, Dataset, File
from ablate.data.files import decoding
from ablate.data.split import held_out

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

WORDS = 2000


class Text(Dataset):
    """Documents as word vectors; a fifth of each class is held out.

    Words are counted over the whole corpus before a document is dropped for having none of the chosen ones.
    """

    shape = (WORDS,)

    @abstractmethod
    def documents(self, folder: Path) -> tuple[list[str], list[int]]:
        """The texts and their classes."""

    def read(self, folder: Path) -> Data:
        texts, classes = self.documents(folder)
        x, kept = word_vectors(texts)
        y = torch.tensor(classes)[kept]
        return Data(x, y, held_out(y), scale=1.0, learns_from="all")


def word_vectors(texts: Sequence[str], words: int = WORDS) -> tuple[Tensor, Tensor]:
    """Texts → weights (N, words) of those that have any of the chosen words, and which ones these are.

    The words are the most frequent ones of the corpus that are no English stop words; see `weighted` for the weights.
    """
    counts = word_counts(texts, words, stop_words="english")
    kept = counts.getnnz(axis=1) > 0
    return torch.from_numpy(weighted(counts[kept]).toarray()), torch.from_numpy(kept)


def word_counts(texts: Iterable[str], words: int, stop_words: str | None = None) -> "csr_matrix":
    """How often each text (rows) has each of the most frequent words of them all (columns), sparse float32."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(stop_words=stop_words, max_features=words, dtype=np.float32)
    counts: csr_matrix = vectorizer.fit_transform(texts)
    return counts


def weighted(counts: "csr_matrix") -> "csr_matrix":
    """Counts (N, words) → (1 + log tf) · idf, idf smoothed over these texts; each row gets the length √words.

    Xie, Girshick and Farhadi 2016 (Deep Embedded Clustering), their code.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    weights: csr_matrix = TfidfTransformer(sublinear_tf=True).fit_transform(counts) * sqrt(counts.shape[1])
    return weights


def members(path: Path) -> list[tuple[str, str]]:
    """Name and text of every file in a tar archive, sorted by name."""
    with decoding(path), tarfile.open(path) as archive:
        found = [(one.name, archive.extractfile(one)) for one in archive if one.isfile()]
        return sorted((name, content.read().decode("latin-1")) for name, content in found if content)


class Newsgroups(Text):
    """Posts without headers, footers and quotes, as scikit-learn takes them off."""

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
                "md5:abc043be65f6b49c9bca92df2c1720e2",  # the same posts, packed anew
            ),
        ),
    )

    def documents(self, folder: Path) -> tuple[list[str], list[int]]:
        posts = [(name.split("/")[-2], post) for name, post in members(folder / self.files[0].path)]
        groups = sorted({group for group, _ in posts})
        return [body(post) for _, post in posts], [groups.index(group) for group, _ in posts]


def body(post: str) -> str:
    """What the author of a post wrote: no header, no signature, no quotes."""
    from sklearn.datasets import _twenty_newsgroups as strip

    bare = strip.strip_newsgroup_footer(strip.strip_newsgroup_header(post))
    return str(strip.strip_newsgroup_quoting(bare))


class Reuters(Text):
    """The stories of the ModApte split that have one topic, and that one of the four most frequent.

    It stands in for the four root categories of RCV1, which is not free; numbers do not compare.
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
                "md5:a3a3374ec4acd7506a3584552ee3e403",  # the same stories, packed anew
            ),
        ),
    )

    def documents(self, folder: Path) -> tuple[list[str], list[int]]:
        files = members(folder / self.files[0].path)
        told = [one for name, content in files if name.endswith(".sgm") for one in stories(content)]
        chosen = [(text, self.topics.index(topics[0])) for text, topics in told if self.takes(topics)]
        return [text for text, _ in chosen], [topic for _, topic in chosen]

    def takes(self, topics: Sequence[str]) -> bool:
        return len(topics) == 1 and topics[0] in self.topics


def stories(content: str) -> Iterator[tuple[str, list[str]]]:
    """Text and topics of the stories of an SGML file that the ModApte split uses."""
    for attributes, story in re.findall(r"<REUTERS (.*?)>(.*?)</REUTERS>", content, re.DOTALL):
        if 'TOPICS="YES"' in attributes and 'LEWISSPLIT="NOT-USED"' not in attributes:
            topics = story.partition("<TOPICS>")[2].partition("</TOPICS>")[0]
            text = story[story.index("<TEXT") :]
            yield html.unescape(re.sub(r"<.*?>", " ", text)), re.findall("<D>(.*?)</D>", topics)
