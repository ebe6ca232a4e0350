"""RCV1-v2: newswire stories of four root categories, as Deep Embedded Clustering prepares them."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ablate.data.dataset import Data, Dataset, File
from ablate.data.files import decoding
from ablate.data.split import held_out
from ablate.data.text import WORDS, weighted, word_counts

STORIES = 10000
ROOTS = ("CCAT", "GCAT", "MCAT", "ECAT")  # corporate, government, markets, economics: classes 0 to 3
MIRRORS = tuple(
    f"{site}/papers/volume5/lewis04a/a12-token-files"
    for site in ("http://www.ai.mit.edu/projects/jmlr", "https://jmlr.csail.mit.edu")
)


def tokens(name: str, size: int) -> File:
    """One file of stories, of which nothing but the size was published."""
    path = f"lyrl2004_tokens_{name}.dat.gz"
    return File(f"RCV1/{path}", tuple(f"{mirror}/{path}" for mirror in MIRRORS), (f"bytes:{size}",))


class Reuters10k(Dataset):
    """10000 stories, drawn at random from all that have exactly one of the four root categories.

    They are made from the token files of RCV1-v2, whose stems stand as often as in the story, less the stop words.
    The vector files, which scikit-learn fetches, hold cosine-normalised log tf-idf weights of another vocabulary, from
    which no counts can be had.  Word choice, idf, order and draw are those of Deep Embedded Clustering's code: the 2000
    most frequent stems and their idf over all 685071 stories, numpy's seed 1234.  A fifth of each class is held out.
    """

    source = "Lewis, Yang, Rose and Li 2004, RCV1: A new benchmark collection for text categorization research"
    description = (
        "10000 newswire stories of RCV1-v2 in one of 4 root categories as 2000 tf-idf weights; a fifth is held out"
    )
    shape = (WORDS,)
    classes = 4
    samples = STORIES
    labelled = 8000
    files = (  # in the order in which Deep Embedded Clustering reads them, on which its draw rests
        tokens("test_pt0", 44734992),
        tokens("test_pt1", 45595102),
        tokens("test_pt2", 44507510),
        tokens("test_pt3", 42052117),
        tokens("train", 5108963),
        File(
            "RCV1/rcv1v2.topics.qrels.gz",
            ("https://ndownloader.figshare.com/files/5976048",),
            ("sha256:2a98e5e5d8b770bded93afc8930d88299474317fe14181aee1466cc754d0d1c1",),
        ),
    )

    def read(self, folder: Path) -> Data:
        *texts, topics = (folder / file.path for file in self.files)
        roots = single_roots(topics)
        told = [(text, roots[number]) for path in texts for number, text in stories(path) if number in roots]
        chosen = np.random.RandomState(1234).permutation(len(told))[:STORIES]
        weights = weighted(word_counts((text for text, _ in told), WORDS))
        y = torch.tensor([told[index][1] for index in chosen])
        return Data(torch.from_numpy(weights[chosen].toarray()), y, held_out(y), scale=1.0, learns_from="all")


def single_roots(path: Path) -> dict[int, int]:
    """The class of every story that has one root category only, by the story's number."""
    found: dict[int, list[int]] = {}
    with decoding(path), gzip.open(path, "rt", encoding="ascii") as lines:
        for topic, number, _ in (line.split() for line in lines if line.strip()):
            if topic in ROOTS:
                found.setdefault(int(number), []).append(ROOTS.index(topic))
    return {number: roots[0] for number, roots in found.items() if len(roots) == 1}


def stories(path: Path) -> Iterator[tuple[int, str]]:
    """Number and stems of the stories of a token file: `.I number`, `.W`, then lines of stems."""
    with decoding(path):
        content = "\n" + gzip.decompress(path.read_bytes()).decode("ascii")
        for story in content.split("\n.I ")[1:]:
            number, _, stems = story.partition("\n.W\n")
            yield int(number), stems
