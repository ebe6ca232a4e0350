"""RCV1-v2 (Reuters-10k): newswire stories as tf-idf vectors, prepared as in Deep Embedded Clustering."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

from ablate.data.dataset import Data, Dataset, File
from ablate.data.files import decoding
from ablate.data.split import held_out
from ablate.data.text import WORDS, tf_idf, word_counts
from ablate.deferred import np, torch

STORIES = 10000
ROOTS = ("CCAT", "GCAT", "MCAT", "ECAT")  # corporate, government, markets, economics: classes 0 to 3
MIRRORS = tuple(
    f"{site}/papers/volume5/lewis04a/a12-token-files"
    for site in ("http://www.ai.mit.edu/projects/jmlr", "https://jmlr.csail.mit.edu")
)


def token_file(name: str, size: int) -> File:
    """A file of stemmed stories, verified by its size and gzip's checksum, since no other was published.

    What it holds is part of the key of a trial that uses it.
    """
    path = f"lyrl2004_tokens_{name}.dat.gz"
    return File(f"RCV1/{path}", tuple(f"{mirror}/{path}" for mirror in MIRRORS), (f"bytes:{size}",))


class Reuters10k(Dataset):
    """10000 stories, drawn at random from all that have exactly one of the four root categories.

    Words are counted in the token files of RCV1-v2, which list each stem as often as it is in the story, without stop
    words.  The vector files that scikit-learn downloads cannot be used: they have cosine-normalised log tf-idf weights
    for another vocabulary, from which counts cannot be recovered.  Vocabulary, idf, order and draw follow the code of
    Deep Embedded Clustering: the 2000 most frequent stems, their idf over all 685071 stories, and numpy's seed 1234.  A
    fifth of each class is held out.
    """

    source = "Lewis, Yang, Rose and Li 2004, RCV1: A new benchmark collection for text categorization research"
    description = (
        "10000 newswire stories of RCV1-v2 in one of 4 root categories as 2000 tf-idf weights; a fifth is held out"
    )
    shape = (WORDS,)
    classes = 4
    samples = STORIES
    labelled = 8000
    files = (  # in the order of Deep Embedded Clustering's code, on which its random draw depends
        token_file("test_pt0", 44734992),
        token_file("test_pt1", 45595102),
        token_file("test_pt2", 44507510),
        token_file("test_pt3", 42052117),
        token_file("train", 5108963),
        File(
            "RCV1/rcv1v2.topics.qrels.gz",
            ("https://ndownloader.figshare.com/files/5976048",),
            ("sha256:2a98e5e5d8b770bded93afc8930d88299474317fe14181aee1466cc754d0d1c1",),
        ),
    )

    def read(self, folder: Path) -> Data:
        *texts, topics = (file.find(folder) for file in self.files)
        roots = single_roots(topics)
        labelled = [(text, roots[number]) for path in texts for number, text in stories(path) if number in roots]
        chosen = np.random.RandomState(1234).permutation(len(labelled))[:STORIES]
        weights = tf_idf(word_counts((text for text, _ in labelled), WORDS))
        y = torch.tensor([labelled[index][1] for index in chosen])
        return Data(torch.from_numpy(weights[chosen].toarray()), y, held_out(y), scale=1.0, training_split="all")


def single_roots(path: Path) -> dict[int, int]:
    """Story number → class, for the stories with exactly one root category, from a topics file."""
    found: dict[int, list[int]] = {}
    with decoding(path), gzip.open(path, "rt", encoding="ascii") as lines:
        for topic, number, _ in (line.split() for line in lines if line.strip()):
            if topic in ROOTS:
                found.setdefault(int(number), []).append(ROOTS.index(topic))
        if not found:  # an empty file is a whole one to gzip
            raise ValueError("it has no story with a root category")
    return {number: roots[0] for number, roots in found.items() if len(roots) == 1}


def stories(path: Path) -> Iterator[tuple[int, str]]:
    """Number and stems of each story in a token file, where a story is `.I number`, `.W`, then lines of stems."""
    with decoding(path):
        content = "\n" + gzip.decompress(path.read_bytes()).decode("ascii")
        if "\n.I " not in content:  # an empty file is a whole one to gzip
            raise ValueError("it has no story")
        for story in content.split("\n.I ")[1:]:
            number, _, stems = story.partition("\n.W\n")
            yield int(number), stems
