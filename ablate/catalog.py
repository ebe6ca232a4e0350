"""What `ablate list` prints: methods, data sets, probes, augmentations, papers, training settings, keys of a study."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ablate.errors import StudyError
from ablate.options import Option, options_of
from ablate.plugins import RefusedRow
from ablate.registry import Registry, closest

if TYPE_CHECKING:
    from ablate.papers.reference import Printed

TABLES = ("methods", "datasets", "probes", "augmentations", "papers")  # which installed packages add rows to
NO_STUDIES = "no study of this paper is in a folder 'studies' of the working directory"


@dataclass(frozen=True)
class CatalogEntry:
    """One row of a table, or a row of an installed package that was refused."""

    name: str
    description: str
    source: str = ""
    settings: tuple[Option, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)  # title → further information; JSON values

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "description": self.description,
            "source": self.source,
            "settings": [option_to_json(option) for option in self.settings],
            "facts": dict(self.details),
        }


def option_to_json(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "type": type_and_range(option),
        "default": option.default,
        "description": option.description,
        "bounds": dict(option.bounds),
    }


def type_and_range(option: Option) -> str:
    """An option's type and range in words: `a number > 0 and ≤ 1`."""
    from ablate.study.coercion import describe_type

    signs = {"above": ">", "least": "≥", "below": "<", "most": "≤"}
    bounds = " and ".join(f"{signs[name]} {bound:g}" for name, bound in option.bounds.items())
    return f"{describe_type(option.type)} {bounds}".rstrip()


def entries(table: str) -> tuple[CatalogEntry, ...]:
    """All rows of one of `TABLES`, then the rows of installed packages that were refused; or those of `training` or
    `keys`, to which packages add none.
    """
    if table in FIXED:
        return tuple(FIXED[table]())
    rows = registry(table)
    return (*(entry(table, name) for name in rows), *map(refused_entry, rows.refused))


def entry(table: str, name: str) -> CatalogEntry:
    """One row of a table.  Raises StudyError where it has no row of that name."""
    if table in FIXED:
        return fixed_entry(table, name)
    describe = {
        "methods": method_entry,
        "datasets": dataset_entry,
        "probes": probe_entry,
        "augmentations": augmentation_entry,
        "papers": paper_entry,
    }[table]
    rows = registry(table)
    described = describe(name, rows[name])
    return with_package(described, rows.packages[name]) if name in rows.packages else described


def fixed_entry(table: str, name: str) -> CatalogEntry:
    """One row of `training` or `keys`; a setting of the training may be named without its section."""
    rows = {one.name: one for one in FIXED[table]()}
    for known in (name, f"{table}.{name}"):
        if known in rows:
            return rows[known]
    near = closest(name, (*rows, *(known.removeprefix(f"{table}.") for known in rows)))
    remedy = f"did you mean '{near}'?" if near else f"choose from {', '.join(rows)}"
    raise StudyError(f"no row of '{table}' is called '{name}'", remedy)


def training_entries() -> Iterator[CatalogEntry]:
    """The settings of the training, with the defaults that hold where a method has none of its own."""
    from ablate.study.scalars import format_value
    from ablate.train.recipe import Recipe

    for option in options_of(Recipe):
        words = f"{option.description} ({type_and_range(option)}; default: {format_value(option.default)})"
        yield CatalogEntry(f"training.{option.name}", words)


def key_entries() -> Iterator[CatalogEntry]:
    """The keys of a study file, each with an example; those below another key with its name before them."""
    from ablate.study.validation import EXAMPLES, SECTIONS, TOP_LEVEL_KEYS

    for key in TOP_LEVEL_KEYS:
        yield CatalogEntry(key, EXAMPLES.get(key, ""))
        for below in SECTIONS[key].model_fields if key in SECTIONS else ():
            yield CatalogEntry(f"{key}.{below}", EXAMPLES.get(below, ""))


FIXED: Mapping[str, Callable[[], Iterator[CatalogEntry]]] = {"training": training_entries, "keys": key_entries}


def with_package(described: CatalogEntry, package: str) -> CatalogEntry:
    """The entry with the installed package that adds its row."""
    return replace(described, details={**described.details, "package": package})


def refused_entry(refused: RefusedRow) -> CatalogEntry:
    """The reason why a row was refused, and its remedy."""
    details = {"refused": refused.reason, "remedy": refused.remedy, "package": refused.package, "row": refused.target}
    return CatalogEntry(refused.name, f"{refused}; {refused.remedy}", details=details)


def registry(table: str) -> Registry[Any]:
    """The registry behind one of `TABLES`, imported when it is first needed."""
    if table == "methods":
        from ablate.methods import METHODS

        return METHODS
    if table == "datasets":
        from ablate.data import DATASETS

        return DATASETS
    if table == "probes":
        from ablate.probes import PROBES

        return PROBES
    if table == "augmentations":
        from ablate.augment import PIPELINES

        return PIPELINES
    from ablate.papers import PAPERS

    return PAPERS


def method_entry(name: str, method: Any) -> CatalogEntry:
    details = {
        "by data set": dict(method.datasets),
        "training": dict(method.recipe),
        "training by data set": dict(method.recipes),
    }
    return CatalogEntry(name, first_line(method), method.source, tuple(options_of(method)), details)


def dataset_entry(name: str, dataset: Any) -> CatalogEntry:
    details = {
        "version": dataset.version,
        "shape of a sample": list(dataset.shape),
        "classes": dataset.classes,
        "samples that training sees": dataset.samples,
        "files": [file.path for file in dataset.files],
    }
    return CatalogEntry(name, dataset.description, dataset.source, (), details)


def probe_entry(name: str, probe: Any) -> CatalogEntry:
    details = {"metrics": dict(probe.metrics)}
    return CatalogEntry(name, first_line(probe), probe.source, tuple(options_of(probe)), details)


def augmentation_entry(name: str, pipeline: Any) -> CatalogEntry:
    steps = [type(step).__name__ for step in pipeline.transforms]
    finish = [
        word for word, present in (("threshold", pipeline.threshold), ("normalization", pipeline.mean)) if present
    ]
    return CatalogEntry(name, ", ".join([*steps, *finish]) or "images as they are")


def paper_entry(name: str, paper: Any) -> CatalogEntry:
    from ablate.papers.defaults import read_defaults
    from ablate.papers.reference import ablations, title

    details = {
        "methods": list(paper.methods),
        "defaults": {str(block): dict(block.settings) for block in read_defaults(paper.package, paper.prefix)},
        "findings": {f"{one.id} ({one.where})": one.finding for one in ablations() if one.paper == name},
        **coverage_details(name),
    }
    return CatalogEntry(name, title(name), details=details)


def coverage_details(name: str) -> dict[str, Any]:
    """A paper's studies in the studies folder and the printed numbers that they cover; unknown where it holds none."""
    from ablate.coverage import line_of, printed_lines, studies_of
    from ablate.papers.reference import numbers

    studies, printed = studies_of(name), len(numbers(name))
    if not studies:
        return {"numbers": {"printed": printed}, "studies unknown": NO_STUDIES}
    covered = {line for study in studies.values() for line in printed_lines(study)}
    uncovered = [row for row in numbers(name) if line_of(row) not in covered]
    return {
        "studies": {file: study.question for file, study in studies.items()},
        "numbers": {"printed": printed, "covered by the studies here": printed - len(uncovered)},
        "not covered": summaries(uncovered),
    }


def summaries(rows: "Iterable[Printed]") -> dict[str, str]:
    """Table → its numbers in a line: `5: nlad of SimCLR and SwAV on CIFAR-10, pre-training set=ImageNet`."""
    by_table: dict[str, list[Printed]] = {}
    for row in rows:
        by_table.setdefault(row.table, []).append(row)
    return {table: summary(rows) for table, rows in by_table.items()}


def summary(rows: "list[Printed]") -> str:
    metrics, methods, datasets = (
        ", ".join(dict.fromkeys(getattr(row, column) for row in rows)) for column in ("metric", "method", "dataset")
    )
    levels = dict.fromkeys(f"{axis}={level}" for row in rows for axis, level in row.levels.items())
    return ", ".join([f"{len(rows)}: {metrics} of {methods} on {datasets}", *levels])


def first_line(described: type) -> str:
    """The first line of a class's docstring."""
    return next(iter((described.__doc__ or "").strip().splitlines()), "")
