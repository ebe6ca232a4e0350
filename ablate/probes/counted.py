"""Probes whose names end in a number of labels: `knn-500` is `knn` with `labels: 500`."""

import functools
from collections.abc import Mapping
from dataclasses import fields, make_dataclass

from ablate.options import option
from ablate.probes.probe import Probe
from ablate.registry import split_count


def labelled_probe(probes: Mapping[str, type[Probe]], name: str) -> type[Probe] | None:
    """The probe of a name such as `knn-500`; None where the name has no number or its probe no option `labels`."""
    stem, labels = split_labels(probes, name)
    return with_labels(probes[stem], labels) if labels else None


def split_labels(probes: Mapping[str, type[Probe]], name: str) -> tuple[str, int]:
    """The probe and the number of labels of a name: `knn-500` → knn, 500.  The name itself and 0 for any other."""
    stem, labels = split_count(name)
    return (stem, labels) if stem in probes and has_labels(probes[stem]) else (name, 0)


def has_labels(probe: type[Probe]) -> bool:
    """Whether a probe has the option `labels`."""
    return any(field.name == "labels" for field in fields(probe))  # type: ignore[arg-type]  # probes are dataclasses


@functools.cache
def with_labels(probe: type[Probe], labels: int) -> type[Probe]:
    """A copy of the probe, as a subclass, in which the option `labels` has another default; the same for every call."""
    description = "labelled training samples, balanced over the classes; the number in the probe's name"
    default = ("labels", int, option(labels, description, least=2))
    about = {"__doc__": probe.__doc__, "__module__": probe.__module__, "__qualname__": probe.__qualname__}
    return make_dataclass(probe.__name__, [default], bases=(probe,), namespace=about, frozen=True)
