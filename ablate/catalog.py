"""What there is to study: methods, data sets, probes and papers, as the command line lists them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ablate.options import Option, options_of

if TYPE_CHECKING:
    from ablate.papers.reference import Printed
    from ablate.study.model import Study


@dataclass(frozen=True)
class Entry:
    """One name of a registry."""

    name: str
    description: str
    source: str
    settings: tuple[Option, ...] = ()
    facts: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        settings = [
            {
                "name": one.name,
                "type": kind(one),
                "default": one.default,
                "description": one.description,
                "bounds": dict(one.bounds),
            }
            for one in self.settings
        ]
        return {
            "name": self.name,
            "description": self.description,
            "source": self.source,
            "settings": settings,
            "facts": self.facts,
        }


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
    return Entry(name, first_line(found), found.source, tuple(options_of(found)), {"by data set": dict(found.datasets)})


def dataset(name: str, found: Any) -> Entry:
    facts = {
        "version": found.version,
        "shape of a sample": list(found.shape),
        "classes": found.classes,
        "samples that training sees": found.samples,
        "files": [file.path for file in found.files],
    }
    return Entry(name, found.description, found.source, (), facts)


def probe(name: str, found: Any) -> Entry:
    return Entry(name, first_line(found), found.source, tuple(options_of(found)), {"metrics": dict(found.metrics)})


def paper(name: str, found: Any) -> Entry:
    from ablate.papers.reference import ablations, numbers, title

    studies = studies_of(name)
    lines = {line for study in studies.values() for line in covered(study)}
    left = [row for row in numbers(name) if line_of(row) not in lines]
    facts = {
        "methods": list(found.methods),
        "studies": {file: study.question for file, study in studies.items()},
        "findings": {f"{one.id} ({one.where})": one.finding for one in ablations() if one.paper == name},
        "numbers": {"printed": len(numbers(name)), "covered by the studies here": len(numbers(name)) - len(left)},
        "not covered": {table: told([row for row in left if row.table == table]) for table in tables(left)},
    }
    return Entry(name, title(name), "", (), facts)


def studies_of(paper: str) -> "dict[str, Study]":
    """The studies of the studies' folder that name the paper, by their files below it: `invariant/k`."""
    from ablate.errors import StudyError
    from ablate.study.read import FOLDER, read_study

    found = {}
    for file in sorted(FOLDER.rglob("*.yaml")):
        if paper not in file.read_text(encoding="utf-8"):
            continue
        try:
            study = read_study(file)
        except StudyError:  # `ablate check` says what is wrong with it
            continue
        if study.paper is not None and study.paper.id == paper:
            found[file.relative_to(FOLDER).with_suffix("").as_posix()] = study
    return found


def covered(study: "Study") -> Iterator[tuple[str, ...]]:
    """The lines of the numbers that its paper printed of the study's variants, for any metric of its probes."""
    from ablate.errors import StudyError
    from ablate.papers.names import PAPERS, labels_of
    from ablate.papers.reference import places_of, printed
    from ablate.planning.resolve import resolve
    from ablate.probes import PROBES

    if study.paper is None:
        return
    paper = study.paper.id
    spelled = PAPERS[paper]
    given = [f"{probe}/{metric}" for probe in study.probes for metric in PROBES[probe].metrics]
    known = [metric for metric in given if labels_of(metric)[0] in spelled.metrics]
    try:
        trials = resolve(study.model_copy(update={"seeds": study.seeds[:1]}))
    except StudyError:  # `ablate check` says what is wrong with it
        return
    for trial in trials:
        config = trial.config
        method = spelled.method(config.method, config.settings)
        settings = {spelled.axis(path): value for path, value in {**config.training, **config.settings}.items()}
        for metric in known:
            told = spelled.told_by_metric(metric)
            for row in printed(paper, places_of(study.paper), config.dataset, metric, method):
                levels = {axis: level for axis, level in row.levels.items() if axis not in told}
                if all(a in settings and spelled.level(a, settings[a]) == level for a, level in levels.items()):
                    yield line_of(row)


def line_of(row: "Printed") -> tuple[str, ...]:
    return row.table, row.dataset, row.method, row.metric, row.setting


def tables(rows: "Iterable[Printed]") -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.table for row in rows))


def told(rows: "Iterable[Printed]") -> str:
    """What numbers are: `5: nlad of SimCLR and SwAV on CIFAR-10, pre-training set=ImageNet`."""
    rows = tuple(rows)
    metrics, methods, datasets = (
        ", ".join(dict.fromkeys(getattr(row, part) for row in rows)) for part in ("metric", "method", "dataset")
    )
    levels = dict.fromkeys(f"{axis}={level}" for row in rows for axis, level in row.levels.items())
    return ", ".join([f"{len(rows)}: {metrics} of {methods} on {datasets}", *levels])


def first_line(found: type) -> str:
    return (found.__doc__ or "").strip().splitlines()[0]


def kind(one: Option) -> str:
    """A setting's type and range in words: `a number > 0`."""
    from ablate.study.coercion import described

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
    from ablate.planning.design import count_trials
    from ablate.planning.resolve import resolve
    from ablate.study.write import to_yaml

    trials = resolve(study, yes=yes)
    datasets = {trial.config.dataset for trial in trials} or {case.dataset for case in study.cases}
    return Checked(
        study.name,
        count_trials(study),
        len({trial.variant for trial in trials}),
        tuple(sorted(datasets)),
        to_yaml(study),
    )
