"""What there is to study: methods, data sets, probes and papers, as the command line lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ablate.settings import Setting, settings_of


@dataclass(frozen=True)
class Entry:
    """One name of a registry."""

    name: str
    says: str
    source: str
    settings: tuple[Setting, ...] = ()
    facts: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        settings = [
            {"name": one.name, "type": kind(one), "default": one.default, "says": one.says, "bounds": dict(one.bounds)}
            for one in self.settings
        ]
        return {"name": self.name, "says": self.says, "source": self.source, "settings": settings, "facts": self.facts}


def entries(kind_of: str) -> tuple[Entry, ...]:
    """All entries of a kind: methods, datasets, probes or papers."""
    return tuple(entry(kind_of, name) for name in table(kind_of))


def entry(kind_of: str, name: str) -> Entry:
    """One entry.  Raises StudyError where there is none of that name."""
    found = table(kind_of)[name]
    describe = {"methods": method, "datasets": dataset, "probes": probe, "papers": paper}[kind_of]
    return describe(name, found)


def table(kind_of: str) -> Mapping[str, Any]:
    if kind_of == "methods":
        from ablate.methods import METHODS

        return METHODS
    if kind_of == "datasets":
        from ablate.data import DATASETS

        return DATASETS
    if kind_of == "probes":
        from ablate.probes import PROBES

        return PROBES
    from ablate.papers.names import PAPERS

    return PAPERS


def method(name: str, found: Any) -> Entry:
    return Entry(
        name, first_line(found), found.source, tuple(settings_of(found)), {"by data set": dict(found.datasets)}
    )


def dataset(name: str, found: Any) -> Entry:
    facts = {
        "version": found.version,
        "shape of a sample": list(found.shape),
        "classes": found.classes,
        "samples that training sees": found.samples,
        "files": [file.path for file in found.files],
    }
    return Entry(name, found.says, found.source, (), facts)


def probe(name: str, found: Any) -> Entry:
    return Entry(name, first_line(found), found.source, tuple(settings_of(found)), {"metrics": dict(found.metrics)})


def paper(name: str, found: Any) -> Entry:
    from ablate.papers.reference import ablations, title

    findings = {f"{one.id} ({one.where})": one.finding for one in ablations() if one.paper == name}
    return Entry(name, title(name), "", (), {"findings": findings, "methods": list(found.methods)})


def first_line(found: type) -> str:
    return (found.__doc__ or "").strip().splitlines()[0]


def kind(one: Setting) -> str:
    """A setting's type and range in words: `a number > 0`."""
    from ablate.spec.fields import described

    signs = {"above": ">", "least": "≥", "below": "<", "most": "≤"}
    return " ".join([described(one.type), *(f"{signs[word]} {bound:g}" for word, bound in one.bounds.items())])


@dataclass(frozen=True)
class Checked:
    """A study that is right."""

    study: str
    trials: int
    variants: int
    datasets: tuple[str, ...]
    resolved: str  # as YAML


def checked(study: Any, yes: bool = False) -> Checked:
    """Resolve a study.  Raises StudyError at the place of what is wrong."""
    from ablate.resolve import resolve
    from ablate.spec.plan import count_trials
    from ablate.spec.write import to_yaml

    jobs = resolve(study, yes=yes)
    datasets = {job.trial.dataset for job in jobs} or {case.dataset for case in study.cases}
    return Checked(
        study.name, count_trials(study), len({job.variant for job in jobs}), tuple(sorted(datasets)), to_yaml(study)
    )
