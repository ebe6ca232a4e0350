"""Pictures of several variants side by side: embeddings, reconstructions, samples and similarity matrices."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ablate.draw.labels import variant_label
from ablate.stats.results import Result
from ablate.stats.variants import CASE_AXES, Variant, variants_of
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
    note: str = ""  # of how many variants, where some have none or are left out

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
    kinds = {**ALWAYS, **{f"{probe}-{name}": title for probe in study.probes for name, title in MATRICES.items()}}

    def fetch_first(variant: Variant, file: str) -> bytes | None:
        return fetch(keys.get((variant.config.variant_key, min(variant.scores)), ""), file)

    for stem, title in kinds.items():
        found = list(islice(pictures_of_kind(scored, stem, fetch_first), MOST))
        if len(found) > 1:
            note = f"{len(found)} of {len(scored)} variants" if len(found) < len(scored) else ""
            yield Pictures(title, tuple(found), note)


def pictures_of_kind(
    variants: Iterable[Variant], stem: str, fetch: Callable[[Variant, str], bytes | None]
) -> Iterator[Picture]:
    """The pictures of the variants that have one of this kind.

    Where a method has none of a kind on a data set, its other variants are not asked: each request takes its time.
    """
    has: dict[tuple[str, str], bool] = {}  # (method, data set) → whether the first of its variants has one
    number = 0
    for variant in variants:
        made_by = (variant.config.method, variant.config.dataset)
        content = fetch(variant, f"{stem}.png") if has.get(made_by, True) else None
        has.setdefault(made_by, content is not None)
        if content is not None:
            number += 1
            label = f"{variant_label(variant, variant.levels or CASE_AXES)}, seed {min(variant.scores)}"
            yield Picture(label, f"picture-{stem}-{number}.png", content)
