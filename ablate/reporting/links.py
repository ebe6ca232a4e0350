"""The addresses of the runs that a report's numbers are from, in MLflow's UI."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ablate.stats.results import Result

Links = Mapping[str, str]  # key of a variant → the address of its run
NO_LINKS: Links = MappingProxyType({})


def run_links(results: Iterable[Result], runs: str) -> Links:
    """The addresses of the variants' runs; `runs` is the address that a run's id follows, empty where there is none."""
    return {result.variant: f"{runs}{result.parent}" for result in results if runs and result.parent}
