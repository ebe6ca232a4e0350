"""What the papers printed and what they claim, by the names that studies use."""

import csv
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from typing import Any, Literal, Protocol, Self

import yaml

from ablate.errors import StudyError
from ablate.options import Value
from ablate.papers.names import NUM_LABELS, PAPERS, Paper
from ablate.registry import suggest

PERCENT = 0.01  # accuracies are fractions with us, percent in most tables

Spread = Literal["standard deviation", "standard error"]


@dataclass(frozen=True)
class Metric:
    """A metric that a finding speaks of, by the paper's name."""

    name: str
    higher_is_better: bool | None
    datasets: tuple[str, ...] = ()  # the only ones it is measured on; empty: all of the ablation's


@dataclass(frozen=True)
class Ablation:
    """One ablation, sensitivity study or comparison of a paper, with what the paper found."""

    id: str  # "invariant/epsilon"
    paper: str  # our id
    where: str  # as the paper counts: "Tables 2 and 3", "Figure 4a", or a part of the text
    methods: tuple[str, ...]
    datasets: tuple[str, ...]
    axis: str
    values: tuple[Value, ...]
    values_source: str
    fixed: Mapping[str, Any]
    seeds: int
    metrics: tuple[Metric, ...]
    reference: str  # where its numbers are: the CSV, only in a figure, nowhere
    finding: str
    check: Mapping[str, Any]  # the finding in the form of ablations.yaml's check types
    notes: str = ""

    @property
    def places(self) -> frozenset[str]:
        """The single tables and figures that `where` names: `Tables 2 and 3` → {`Table 2`, `Table 3`}."""
        return places(self.where)


@dataclass(frozen=True)
class Printed:
    """One number of a paper's table; percentages are fractions, other units as printed."""

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
    levels: Mapping[str, str] = field(default_factory=dict)  # `transformation=VAT` of the setting

    @cached_property
    def places(self) -> frozenset[str]:
        """The single tables and figures that `table` names."""
        return places(self.table)

    @classmethod
    def from_row(cls, row: Mapping[str, str], spread: Spread, usual: Mapping[str, str]) -> Self:
        """Read a line of reference_results.csv."""
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
            levels=_levels(row["setting"], usual),
        )


class Reference(Protocol):
    """Where a study says that a paper answers: at an ablation, else at a table, a figure, or both."""

    @property
    def id(self) -> str: ...
    @property
    def ablation(self) -> str | None: ...
    @property
    def table(self) -> int | str | None: ...
    @property
    def figure(self) -> int | str | None: ...


def places(where: str) -> frozenset[str]:
    """The tables and figures named in words: `Figures 4d and 2b` → {`Figure 4d`, `Figure 2b`}."""
    plain = re.sub(r"\([^)]*\)", "", where)
    listed = re.findall(r"\b(Table|Figure)s?((?:(?:,|\s|and)*\b(?:\d+[a-z]?|[IVX]+)\b)+)", plain)
    return frozenset(
        f"{kind} {number}" for kind, numbers in listed for number in re.findall(r"\d+[a-z]?|[IVX]+", numbers)
    )


@cache
def ablations() -> tuple[Ablation, ...]:
    """Every ablation of every paper, in the file's order."""
    ours = {paper.short: name for name, paper in PAPERS.items()}
    return tuple(_ablation(entry, ours[entry["paper"]]) for entry in _findings()["ablations"])


def ablation(name: str) -> Ablation:
    """The ablation called `invariant/epsilon`; StudyError where there is none."""
    known = {entry.id: entry for entry in ablations()}
    if name not in known:
        raise StudyError(f"no ablation is called '{name}'", suggest(name, known))
    return known[name]


def ablation_of(reference: Reference) -> Ablation | None:
    """The ablation that a study names; None where it names none.  Raises StudyError where there is no such."""
    return ablation(f"{PAPERS[reference.id].short}/{reference.ablation}") if reference.ablation else None


def places_of(reference: Reference) -> frozenset[str]:
    """The tables and figures in which a study's answer stands."""
    named = ablation_of(reference)
    asked = {"Table": reference.table, "Figure": reference.figure}
    return named.places if named else frozenset(f"{kind} {at}" for kind, at in asked.items() if at is not None)


def ablations_at(paper: str, place: str) -> tuple[Ablation, ...]:
    """The ablations that a paper's table or figure shows: `Figure 4` has the panels 4a to 4d.

    Raises StudyError for a place of which nothing is known; a table may have numbers and no ablation.
    """
    short = PAPERS[paper].short
    mine = [entry for entry in ablations() if entry.id.startswith(f"{short}/")]
    found = tuple(entry for entry in mine if any(_is_part(part, place) for part in entry.places))
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
    """The numbers that a paper printed in `table` (`Table V`), or in one of several, of this data set and metric.

    A metric of a probe with a count of labels (`knn-500/error_rate`) asks for the rows of so many labels.  `levels` are
    of axes, of which the last word counts (`method.transformation`); names are ours or the paper's.  Empty where the
    paper printed nothing, and for a data set that only stands in for the paper's: such numbers must not be compared.
    """
    spelled = PAPERS[paper]
    if dataset in spelled.stand_ins:
        return ()
    tables = {table} if isinstance(table, str) else set(table)
    name, _, beginning = spelled.metric(metric).partition(": ")
    return tuple(
        row
        for row in numbers(paper)
        if tables & row.places
        and row.dataset == spelled.datasets.get(dataset, dataset)
        and row.metric == name
        and row.setting.startswith(beginning)
        and (method is None or row.method in spelled.names_of(method))
        and _has(row, {**(levels or {}), **spelled.told_by_metric(metric)}, spelled)
    )


@cache
def numbers(paper: str) -> tuple[Printed, ...]:
    """All numbers that a paper printed, in the order of its tables."""
    spread: Spread = "standard error" if paper == "simvae" else "standard deviation"  # as the papers say
    usual = PAPERS[paper].usual
    return tuple(Printed.from_row(row, spread, usual) for row in _rows() if row["paper"] == title(paper))


def title(paper: str) -> str:
    """The full title of a paper."""
    return str(_findings()["papers"][PAPERS[paper].short]["title"])


def _has(row: Printed, levels: Mapping[str, Value], spelled: Paper) -> bool:
    named = {spelled.axis(path): level for path, level in levels.items()}
    return all(row.levels.get(axis) == spelled.level(axis, level) for axis, level in named.items())


def _levels(setting: str, usual: Mapping[str, str]) -> dict[str, str]:
    parts = [re.fullmatch(r"([\w -]+)=(.+)", part) for part in setting.split("; ")]
    counted = re.search(r"; (\d+) labelled training images", setting)
    named = {part[1]: part[2] for part in parts if part} | ({NUM_LABELS: counted[1]} if counted else {})
    return {axis: level for axis, level in named.items() if usual.get(axis) != level}


def _is_part(part: str, place: str) -> bool:
    return part == place or (part[:-1] == place and part[-1].islower())


def _ablation(entry: Mapping[str, Any], paper: str) -> Ablation:
    return Ablation(
        id=entry["id"],
        paper=paper,
        where=entry["figure_or_table"],
        methods=_several(entry["method"]),
        datasets=tuple(entry["datasets"]),
        axis=entry["axis"],
        values=tuple(entry["values"]),
        values_source=entry["values_source"],
        fixed=entry["fixed"],
        seeds=entry["seeds"],
        metrics=tuple(
            Metric(metric["name"], metric["higher_is_better"], tuple(metric.get("datasets", ())))
            for metric in entry["metrics"]
        ),
        reference=entry["reference"],
        finding=entry["finding"],
        check=entry["finding_check"],
        notes=entry.get("notes", ""),
    )


def _several(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@cache
def _findings() -> Mapping[str, Any]:
    text = resources.files("ablate.papers").joinpath("ablations.yaml").read_text(encoding="utf-8")
    content: Mapping[str, Any] = yaml.safe_load(text)
    return content


@cache
def _rows() -> tuple[Mapping[str, str], ...]:
    text = resources.files("ablate.papers").joinpath("reference_results.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))
