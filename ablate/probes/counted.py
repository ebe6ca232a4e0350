"""Probes that are named with a count of labels: `knn-500` is `knn` with 500 labelled samples."""

import functools
from dataclasses import dataclass

from ablate.options import option
from ablate.probes.probe import Probe
from ablate.registry import Registry, counted


class Probes(Registry[type[Probe]]):
    """The probes, and each that takes a count of labels under as many names as there are counts."""

    def __missing__(self, name: str) -> type[Probe]:
        kind, count = self.parts(name)
        return limited(self[kind], count) if count else super().__missing__(name)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and bool(self.parts(name)[1]))

    def parts(self, name: str) -> tuple[str, int]:
        """`knn-500` → knn, 500; the name itself and 0 where it is none of these."""
        kind, count = counted(name)
        takes = super().__contains__(kind) and "labels" in self[kind].__annotations__
        return (kind, count) if takes else (name, 0)


@functools.cache
def limited(kind: type[Probe], labels: int) -> type[Probe]:
    """The probe with another default for its setting `labels`."""
    description = "labelled training samples, even over the classes, as the probe's name has it"
    content = {"labels": option(labels, description, least=2), "__annotations__": {"labels": int}}
    about = {"__doc__": kind.__doc__, "__module__": kind.__module__, "__qualname__": kind.__qualname__}
    return dataclass(frozen=True)(type(kind.__name__, (kind,), {**content, **about}))
