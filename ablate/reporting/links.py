"""The addresses of the runs that a report's numbers are from, in MLflow's UI."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ablate.stats.results import Result

# the table of a study's variants, the best first, that `track.shared_views` makes
VARIANTS_TABLE = "?viewStateShareKey=ablate-ranking&workflowType=machine_learning"


@dataclass(frozen=True)
class Links:
    """The runs of a study, of its variants and of their seeds; an empty address for what has none."""

    runs: str = ""  # the address that a run's id follows; empty where there is none
    variants: Mapping[str, str] = field(default_factory=dict)  # key of a variant → id of its run
    seeds: Mapping[tuple[str, int], str] = field(default_factory=dict)  # key of a variant and seed → id of its run

    @property
    def study(self) -> str:
        """The table of the study's variants, for numbers that are from many runs."""
        return f"{self.runs.removesuffix('/')}{VARIANTS_TABLE}" if self.runs else ""

    def variant(self, key: str) -> str:
        return self._address(self.variants.get(key, ""))

    def seed(self, key: str, seed: int) -> str:
        """The run of one seed of a variant."""
        return self._address(self.seeds.get((key, seed), ""))

    def _address(self, run: str) -> str:
        return f"{self.runs}{run}" if self.runs and run else ""


NO_LINKS = Links()


def links_of(results: Iterable[Result], runs: str) -> Links:
    """The links to the runs of these results."""
    every = list(results)
    return Links(
        runs,
        {result.variant: result.parent for result in every if result.parent},
        {(result.variant, result.seed): result.run for result in every if result.run},
    )
