"""Pictures of several variants side by side: embeddings, reconstructions, samples and similarity matrices."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ablate.draw.labels import variant_label
from ablate.stats.results import Result
from ablate.stats.variants import CASE_AXES, variants_of
from ablate.study.model import Study

FetchPicture = Callable[[str, str], bytes | None]  # (key of a trial, name of a file) → its content

ALWAYS = {"embedding": "Embeddings", "reconstructions": "Reconstructions", "samples": "Samples"}  # file's stem → title
MATRICES = {"views": "Similarity of views", "class_similarity": "Similarity of classes", "attributes": "Attributes"}
MOST = 6  # variants, so that the page stays below a few megabytes
COLUMNS = 3


@dataclass(frozen=True)
class Picture:
    """A picture of one variant."""

    label: str  # of the variant, and the seed
    file: str  # its name beside the report
    content: bytes


@dataclass(frozen=True)
class Pictures:
    """Pictures of one kind, of several variants."""

    title: str
    members: tuple[Picture, ...]
    note: str = ""  # which variants are left out

    @property
    def rows(self) -> list[tuple[Picture, ...]]:
        """At most COLUMNS side by side."""
        return [self.members[at : at + COLUMNS] for at in range(0, len(self.members), COLUMNS)]


def pictures(study: Study, metric: str, results: Sequence[Result], fetch: FetchPicture) -> Iterator[Pictures]:
    """The pictures of the first seed of each variant that has a score, of every kind that two variants or more have.

    Baselines come first, so that they are among the MOST that are shown.
    """
    keys = {(result.variant, result.seed): result.key for result in results}
    scored = [variant for variant in variants_of(study, results, metric) if variant.scores]
    scored.sort(key=lambda variant: not variant.baseline)
    note = f"{MOST} of {len(scored)} variants" if len(scored) > MOST else ""
    kinds = {**ALWAYS, **{f"{probe}-{name}": title for probe in study.probes for name, title in MATRICES.items()}}
    for stem, title in kinds.items():
        found = []
        for number, variant in enumerate(scored[:MOST], start=1):
            seed = min(variant.scores)
            content = fetch(keys.get((variant.config.variant_key, seed), ""), f"{stem}.png")
            if content is None and number == 1:
                break  # a kind that the first variant lacks is not asked for again: each request takes its time
            if content is not None:
                label = f"{variant_label(variant, variant.levels or CASE_AXES)}, seed {seed}"
                found.append(Picture(label, f"picture-{stem}-{number}.png", content))
        if len(found) > 1:
            yield Pictures(title, tuple(found), note)
