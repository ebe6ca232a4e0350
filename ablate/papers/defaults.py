"""The settings with which papers train and score methods, their own and others', by method and data set."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from ablate.options import Value
from ablate.papers import PAPERS
from ablate.registry import split_count


@dataclass(frozen=True)
class Block:
    """Settings that hold for some methods on some data sets."""

    settings: Mapping[str, Value]  # path → value; probes without a count
    methods: tuple[str, ...] = ()  # empty: all
    datasets: tuple[str, ...] = ()  # empty: all

    def __str__(self) -> str:
        """`ae, vae on cifar10`"""
        return f"{', '.join(self.methods) or 'every method'} on {', '.join(self.datasets) or 'every data set'}"

    def holds(self, method: str, dataset: str) -> bool:
        return method in (self.methods or [method]) and dataset in (self.datasets or [dataset])


def paper_defaults(paper: str, method: str, dataset: str, probes: Sequence[str]) -> dict[str, Value]:
    """Path → value of what a paper sets for a method on a data set, and for these probes, of any count."""
    blocks = read_defaults(PAPERS[paper].package, PAPERS[paper].prefix)
    stated = {path: value for one in blocks if one.holds(method, dataset) for path, value in one.settings.items()}
    return {own: value for path, value in stated.items() for own in paths_of_probes(path, probes)}


def paths_of_probes(path: str, probes: Sequence[str]) -> Iterator[str]:
    """`probes.knn.passes` → that of `knn-500` and of every other chosen k-NN probe; other paths as they are."""
    section, *rest = path.split(".")
    if section != "probes":
        yield path
        return
    name, option = rest
    for probe in probes:
        if split_count(probe)[0] == name:
            yield f"probes.{probe}.{option}"


@cache
def read_defaults(package: str, prefix: str) -> tuple[Block, ...]:
    """The blocks of the paper with this prefix in a package's defaults.yaml; none where there is no such file."""
    file = resources.files(package).joinpath("defaults.yaml")
    blocks = yaml.safe_load(file.read_text(encoding="utf-8")).get(prefix, ()) if file.is_file() else ()
    return tuple(
        Block(one["settings"], tuple(one.get("methods", ())), tuple(one.get("datasets", ()))) for one in blocks
    )
