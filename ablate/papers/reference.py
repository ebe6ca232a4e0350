"""The numbers that the papers print and the findings that they claim, looked up by the names that studies use."""

import csv
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from statistics import mode
from typing import Any, Protocol, Self

import yaml

from ablate.errors import StudyError
from ablate.options import Value, is_number
from ablate.papers import PAPERS
from ablate.papers.names import NUM_LABELS, PaperNames, Spread
from ablate.registry import suggest

PERCENT = 0.01  # accuracies are fractions in this package, percentages in most tables


@dataclass(frozen=True)
class Metric:
    """A metric of a finding, by the paper's name."""

    name: str
    higher_is_better: bool | None
    datasets: tuple[str, ...] = ()  # those it is measured on; empty: all of the ablation's


@dataclass(frozen=True)
class Ablation:
    """One ablation, sensitivity study or comparison of a paper, with what the paper found."""

    id: str  # "invariant/epsilon"
    paper: str  # its name in `PAPERS`
    where: str  # "Tables 2 and 3", "Figure 4a", or the name of a part of the text
    methods: tuple[str, ...]
    datasets: tuple[str, ...]
    axis: str
    values: tuple[Value, ...]
    fixed: Mapping[str, Any]
    seeds: int
    metrics: tuple[Metric, ...]
    reference: str  # where its numbers are: in the CSV, in a figure only, or nowhere
    finding: str
    check: Mapping[str, Any]  # the finding as one of the check types that ablations.yaml lists

    @property
    def places(self) -> frozenset[str]:
        """The tables and figures in `where`, one by one: `Tables 2 and 3` → {`Table 2`, `Table 3`}."""
        return places(self.where)


@dataclass(frozen=True)
class Printed:
    """One number of a paper's table: percentages converted to fractions, other units as printed."""

    value: float
    std: float | None  # None: not printed
    spread: Spread  # what `std` is
    unit: str
    table: str
    dataset: str
    method: str
    metric: str
    setting: str
    note: str = ""
    levels: Mapping[str, str] = field(default_factory=dict)  # read from `setting`: `transformation=VAT`

    @cached_property
    def places(self) -> frozenset[str]:
        """The tables and figures in `table`, one by one."""
        return places(self.table)

    @classmethod
    def from_row(cls, row: Mapping[str, str], spread: Spread, default_levels: Mapping[str, str]) -> Self:
        """The number in a row of reference_results.csv."""
        scale = PERCENT if row["unit"] == "%" else 1.0
        return cls(
            value=round(float(row["value"]) * scale, 12),
            std=round(float(row["std"]) * scale, 12) if row["std"] else None,
            spread=spread,
            unit="fraction" if row["unit"] == "%" else row["unit"],
            table=row["table_or_figure"],
            dataset=row["dataset"],
            method=row["method"],
            metric=row["metric"],
            setting=row["setting"],
            note=row["note"],
            levels=_levels(row["setting"], default_levels),
        )


class Reference(Protocol):
    """A study's reference to its paper: an ablation, or else a table, a figure, or both."""

    @property
    def id(self) -> str: ...
    @property
    def ablation(self) -> str | None: ...
    @property
    def table(self) -> int | str | None: ...
    @property
    def figure(self) -> int | str | None: ...


def places(where: str) -> frozenset[str]:
    """The tables and figures named in a text, one by one: `Figures 4d and 2b` → {`Figure 4d`, `Figure 2b`}."""
    plain = re.sub(r"\([^)]*\)", "", where)
    listed = re.findall(r"\b(Table|Figure)s?((?:(?:,|\s|and)*\b(?:\d+[a-z]?|[IVX]+)\b)+)", plain)
    return frozenset(
        f"{kind} {number}" for kind, numbers in listed for number in re.findall(r"\d+[a-z]?|[IVX]+", numbers)
    )


@cache
def ablations() -> tuple[Ablation, ...]:
    """Every ablation of every paper, each paper's in the order of its file."""
    return tuple(ablation for paper, names in PAPERS.items() for ablation in read_ablations(paper, names))


def read_ablations(paper: str, names: PaperNames) -> tuple[Ablation, ...]:
    """The ablations of one paper, from its package's ablations.yaml."""
    entries = _ablations_file(names.package)["ablations"]
    return tuple(_ablation(entry, paper) for entry in entries if entry["paper"] == names.prefix)


def ablation(name: str) -> Ablation:
    """The ablation with an id such as `invariant/epsilon`.  Raises StudyError where there is none."""
    known = {entry.id: entry for entry in ablations()}
    if name not in known:
        raise StudyError(f"no ablation is called '{name}'", suggest(name, known))
    return known[name]


@cache
def usual_epochs(paper: str) -> Mapping[str, Value]:
    """`{"epochs": n}` for the epochs that most ablations of a paper are trained for; empty where none states any."""
    stated = [one.fixed["epochs"] for one in ablations() if one.paper == paper and is_number(one.fixed.get("epochs"))]
    return {"epochs": mode(stated)} if stated else {}


def ablation_of(reference: Reference) -> Ablation | None:
    """The ablation that a study refers to; None where it refers to none.  Raises StudyError for an unknown one."""
    return ablation(f"{PAPERS[reference.id].prefix}/{reference.ablation}") if reference.ablation else None


def places_of(reference: Reference) -> frozenset[str]:
    """The tables and figures of the paper that answer the study's question."""
    named = ablation_of(reference)
    given = {"Table": reference.table, "Figure": reference.figure}
    return named.places if named else frozenset(f"{kind} {at}" for kind, at in given.items() if at is not None)


def ablations_at(paper: str, place: str) -> tuple[Ablation, ...]:
    """The ablations in a table or figure of a paper; `Figure 4` includes its panels 4a to 4d.

    Empty for a table that has numbers and no ablation.  Raises StudyError for a place that has neither.
    """
    prefix = PAPERS[paper].prefix
    mine = [entry for entry in ablations() if entry.id.startswith(f"{prefix}/")]
    found = tuple(entry for entry in mine if any(_is_within(part, place) for part in entry.places))
    if not found:
        known = {part for entry in mine for part in entry.places}.union(*(row.places for row in numbers(paper)))
        if place not in known:
            raise StudyError(f"'{paper}' has no ablation in '{place}'", suggest(place, known))
    return found


def printed(
    paper: str,
    table: str | Collection[str],
    dataset: str,
    metric: str,
    method: str | None = None,
    levels: Mapping[str, Value] | None = None,
) -> tuple[Printed, ...]:
    """The numbers of a data set and metric that a paper printed in a table (`Table V`), or in any of several.

    All names may be ours or the paper's.  A count of labels in the probe's name (`knn-500/error_rate`) selects the rows
    with that many labels.  `levels` maps axes to the levels that a row must have; of an axis such as
    `method.transformation` the part after the last dot counts.  Empty where the paper printed nothing, and for a data
    set that stands in for the paper's, since the two must not be compared.
    """
    names = PAPERS[paper]
    if dataset in names.stand_ins:
        return ()
    tables = {table} if isinstance(table, str) else set(table)
    name, _, setting_prefix = names.metric(metric).partition(": ")
    return tuple(
        row
        for row in numbers(paper)
        if tables & row.places
        and row.dataset == names.datasets.get(dataset, dataset)
        and row.metric == name
        and row.setting.startswith(setting_prefix)
        and (method is None or row.method in names.method_names(method))
        and _has_levels(row, {**(levels or {}), **names.levels_in_metric_name(metric)}, names)
    )


@cache
def numbers(paper: str) -> tuple[Printed, ...]:
    """All numbers of a paper, in the order of its tables."""
    return read_numbers(PAPERS[paper])


def read_numbers(names: PaperNames) -> tuple[Printed, ...]:
    """The numbers of one paper, from its package's reference_results.csv."""
    rows = (row for row in _rows(names.package) if row["paper"] == read_title(names))
    return tuple(Printed.from_row(row, names.spread, names.default_levels) for row in rows)


def title(paper: str) -> str:
    """The full title of a paper."""
    return read_title(PAPERS[paper])


def read_title(names: PaperNames) -> str:
    """The full title of one paper, from its package's ablations.yaml."""
    return str(_ablations_file(names.package)["papers"][names.prefix]["title"])


def _has_levels(row: Printed, levels: Mapping[str, Value], names: PaperNames) -> bool:
    required = {names.axis(path): names.level(names.axis(path), level) for path, level in levels.items()}
    return all(row.levels.get(axis) == level for axis, level in required.items())


def _levels(setting: str, default_levels: Mapping[str, str]) -> dict[str, str]:
    """The levels that a row's setting names, without those that every row has by default."""
    parts = [re.fullmatch(r"([\w -]+)=(.+)", part) for part in setting.split("; ")]
    counted = re.search(r"; (\d+) labelled training images", setting)
    named = {part[1]: part[2] for part in parts if part} | ({NUM_LABELS: counted[1]} if counted else {})
    return {axis: level for axis, level in named.items() if default_levels.get(axis) != level}


def _is_within(place: str, whole: str) -> bool:
    """Whether a table or figure is another one, or a panel of it: `Figure 4a` of `Figure 4`."""
    return place == whole or (place[:-1] == whole and place[-1].islower())


def _ablation(entry: Mapping[str, Any], paper: str) -> Ablation:
    return Ablation(
        id=entry["id"],
        paper=paper,
        where=entry["figure_or_table"],
        methods=_as_tuple(entry["method"]),
        datasets=tuple(entry["datasets"]),
        axis=entry["axis"],
        values=tuple(entry["values"]),
        fixed=entry["fixed"],
        seeds=entry["seeds"],
        metrics=tuple(
            Metric(metric["name"], metric["higher_is_better"], tuple(metric.get("datasets", ())))
            for metric in entry["metrics"]
        ),
        reference=entry["reference"],
        finding=entry["finding"],
        check=entry["finding_check"],
    )


def _as_tuple(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@cache
def _ablations_file(package: str) -> Mapping[str, Any]:
    text = resources.files(package).joinpath("ablations.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, where PyYAML has it, is ten times faster
    content: Mapping[str, Any] = yaml.load(text, loader)
    return content


@cache
def _rows(package: str) -> tuple[Mapping[str, str], ...]:
    text = resources.files(package).joinpath("reference_results.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))
