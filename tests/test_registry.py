"""Rows that installed packages add to the tables: the valid ones are there, the others are refused with a reason."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ablate import doctor
from ablate.augment import PIPELINES
from ablate.catalog import TABLES, entries, entry, registry
from ablate.data import DATASETS
from ablate.errors import StudyError
from ablate.methods import METHODS
from ablate.papers import PAPERS
from ablate.plugins import Added
from ablate.probes import PROBES
from ablate.registry import Registry
from ablate.row_checks import RowError

METHOD_ROWS = '''
from dataclasses import dataclass, field
from typing import ClassVar
from ablate.methods.invariant import Invariant
from ablate.methods.method import Method
from ablate.options import option

@dataclass(frozen=True)
class Mine(Invariant):
    """A good method."""
    source: ClassVar[str] = "somebody 2026"
    width: int = option(3, "w, how wide", least=1)

class Inherits(Invariant):
    """A subclass without fields needs no decorator."""

@dataclass(frozen=True)
class PlainField(Invariant):
    extra: int = 3

@dataclass(frozen=True)
class ListField(Invariant):
    extra: "list[int] | None" = option(None, "several")

@dataclass(frozen=True)
class UnknownType(Invariant):
    extra: "Elsewhere" = option(None, "a type that is not imported")

class Undecorated(Invariant):
    extra: int = option(3, "a field that no decorator sees")

class NoDataclass(Method):
    source = "somebody 2026"
    def init(self, info, generator): ...
    def embed(self, params, state, inputs): ...

@dataclass
class NotFrozen(NoDataclass):
    extra: int = option(3, "a field")

@dataclass(frozen=True)
class Abstract(Method):
    source: ClassVar[str] = "somebody 2026"
    def init(self, info, generator): ...

@dataclass(frozen=True)
class NoSource(Method):
    def init(self, info, generator): ...
    def embed(self, params, state, inputs): ...

@dataclass(frozen=True)
class EmptySource(NoSource):
    source: ClassVar[str] = ""

@dataclass(frozen=True)
class WrongDatasets(Invariant):
    datasets: ClassVar = ["digits"]

class NoMethod:
    pass

number = 3
nothing = None
'''

REFUSED_METHODS = {  # entry point → reason
    "rows:PlainField": "the field 'extra' of PlainField has no description",
    "rows:ListField": r"the option 'extra' of ListField has the type list\[int\] \| None",
    "rows:UnknownType": "the annotations of UnknownType cannot be evaluated: name 'Elsewhere' is not defined",
    "rows:Undecorated": "the class Undecorated is not a frozen dataclass",
    "rows:NoDataclass": "the class NoDataclass is not a frozen dataclass",
    "rows:NotFrozen": "the class NotFrozen is not a frozen dataclass",
    "rows:Abstract": "the class Abstract is abstract: it does not define embed",
    "rows:NoSource": "the class NoSource has no 'source'",
    "rows:EmptySource": "the class EmptySource has no 'source'",
    "rows:WrongDatasets": r"the class attribute 'datasets' of WrongDatasets is \['digits'\], not of type",
    "rows:NoMethod": "the class NoMethod is not a subclass of ablate.methods.method.Method",
    "rows:number": "3 is not a subclass of ablate.methods.method.Method",
    "rows:nothing": "rows:nothing is None",
    "rows:Absent": "rows:Absent cannot be imported: AttributeError: module 'rows' has no attribute 'Absent'",
    "not_installed:Mine": "not_installed:Mine cannot be imported: ModuleNotFoundError: No module named",
    "exits": "exits cannot be imported: SystemExit: 1",
    "broken:Mine": "broken:Mine cannot be imported: SyntaxError",
}

OTHER_ROWS = '''
from dataclasses import dataclass
from typing import ClassVar
from ablate.augment.geometry import Flip
from ablate.augment.pipeline import Pipeline
from ablate.data.digits import Digits
from ablate.papers.names import PaperNames
from ablate.probes.linear import Linear
from ablate.probes.probe import Probe

class MyDigits(Digits):
    description = "digits again"

class ListShape(Digits):
    shape = [1, 8, 8]

class NoClasses(Digits):
    classes = None

class NamesOnly(Digits):
    files = ("digits.gz",)

@dataclass(frozen=True)
class MyLinear(Linear):
    """Linear again."""

@dataclass(frozen=True)
class Upwards(Linear):
    metrics: ClassVar = {"accuracy": "up"}

@dataclass(frozen=True)
class Unmeasured(Probe):
    source: ClassVar[str] = "somebody 2026"
    def score(self, embedded, seed): ...

flip = Pipeline(transforms=(Flip(),))
steps = Pipeline(transforms=[Flip()])
words = Pipeline(transforms=("flip",))

paper = PaperNames("mine", package="results")
again = PaperNames("vte", package="results")
absent = PaperNames("mine")
nowhere = PaperNames("mine", package="not_installed")
'''

REFUSED_OTHERS = [  # table, entry point, reason
    ("datasets", "others:ListShape", r"'shape' of ListShape is \[1, 8, 8\], not of type tuple\[int, ...\]"),
    ("datasets", "others:NoClasses", "'classes' of NoClasses is None, not of type int"),
    (
        "datasets",
        "others:NamesOnly",
        "'files' of NamesOnly is .'digits.gz',., not of type tuple",
    ),
    ("datasets", "others:MyLinear", "the class MyLinear is not a subclass of ablate.data.dataset.Dataset"),
    ("probes", "others:Upwards", "'metrics' of Upwards is {'accuracy': 'up'}, not of type"),
    ("probes", "others:Unmeasured", "the class Unmeasured has no 'metrics'"),
    (
        "augmentations",
        "others:MyDigits",
        "MyDigits'> is not an instance of ablate.augment.pipeline.Pipeline",
    ),
    ("augmentations", "others:steps", "the field 'transforms' is .Flip.*., not of type tuple"),
    ("augmentations", "others:words", "the field 'transforms' is .'flip',., not of type tuple"),
    ("papers", "others:flip", "is not an instance of ablate.papers.names.PaperNames"),
    ("papers", "others:again", "the prefix 'vte' is taken by another paper"),
    ("papers", "others:absent", "it cannot be checked: KeyError: 'mine'"),
    ("papers", "others:nowhere", "it cannot be checked: ModuleNotFoundError: No module named 'not_installed'"),
]

ABLATIONS = """
papers: {mine: {title: "My paper"}}
ablations:
  - {id: mine/width, paper: mine, figure_or_table: Table 1, method: vae, datasets: [digits], axis: width,
     values: [1, 2], values_source: paper, fixed: {}, seeds: 1,
     metrics: [{name: linear/accuracy, higher_is_better: true}], reference: csv,
     finding: Wider is better., finding_check: {type: monotone}}
"""
RESULTS = """paper,table_or_figure,dataset,method,metric,setting,value,std,unit,note
My paper,Table 1,digits,vae,linear/accuracy,width=1,90.5,,%,
"""

GROUPS = {
    "methods": "ablate.methods",
    "datasets": "ablate.datasets",
    "probes": "ablate.probes",
    "augmentations": "ablate.augmentations",
    "papers": "ablate.papers",
}

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """A function that adds a distribution with entry points to the path; the tables read the entry points again."""
    modules = {"rows": METHOD_ROWS, "others": OTHER_ROWS, "exits": "import sys; sys.exit(1)", "broken": "class ("}
    for module, text in modules.items():
        (tmp_path / f"{module}.py").write_text(text)
    results = tmp_path / "results"
    results.mkdir()
    (results / "__init__.py").touch()
    (results / "ablations.yaml").write_text(ABLATIONS)
    (results / "reference_results.csv").write_text(RESULTS)
    monkeypatch.syspath_prepend(tmp_path)
    for table in TABLES:
        monkeypatch.setattr(registry(table), "_added", Added(complete=False))

    def add(table: str, rows: Mapping[str, str], package: str = "plugin") -> None:
        folder = tmp_path / f"{package}-1.0.dist-info"
        folder.mkdir(exist_ok=True)
        lines = [f"[{GROUPS[table]}]", *(f"{name} = {target}" for name, target in rows.items())]
        with (folder / "entry_points.txt").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")

    yield add
    for module in (*modules, "results", "uses_table"):
        sys.modules.pop(module, None)


def refusal(table: str, name: str) -> str:
    """The message for a study that uses a refused row."""
    with pytest.raises(StudyError) as caught:
        registry(table)[name]
    return str(caught.value)


@pytest.mark.parametrize("table", TABLES)
def test_built_in_rows_pass_the_check_of_their_table(table: str) -> None:
    rows: Registry[Any] = registry(table)
    for row in rows.values():
        rows.check(row)


@pytest.mark.parametrize(
    ("table", "target"),
    [
        ("methods", "rows:Mine"),
        ("methods", "rows:Inherits"),
        ("datasets", "others:MyDigits"),
        ("probes", "others:MyLinear"),
        ("augmentations", "others:flip"),
        ("papers", "others:paper"),
    ],
)
def test_a_package_adds_a_row(install: Install, table: str, target: str) -> None:
    install(table, {"my-row": target})
    rows = registry(table)
    assert rows.refused == ()
    assert "my-row" in rows
    assert "my-row" in list(rows)
    assert rows["my-row"] is getattr(sys.modules[target.partition(":")[0]], target.partition(":")[2])
    assert dict(rows.packages) == {"my-row": "plugin 1.0"}
    assert entry(table, "my-row").to_json()["facts"]["package"] == "plugin 1.0"


def test_a_papers_numbers_and_findings_come_from_its_package(install: Install) -> None:
    from ablate.papers.reference import ablation, ablations, numbers, printed

    install("papers", {"my-row": "others:paper"})
    for cached in (ablations, numbers):
        cached.cache_clear()
    try:
        assert ablation("mine/width").paper == "my-row"
        (row,) = printed("my-row", "Table 1", "digits", "linear/accuracy")
        assert (row.value, row.levels) == (0.905, {"width": "1"})
        assert entry("papers", "my-row").description == "My paper"
    finally:
        for cached in (ablations, numbers):
            cached.cache_clear()


@pytest.mark.parametrize("target", REFUSED_METHODS)
def test_a_bad_method_is_refused_with_the_reason_and_the_others_work(install: Install, target: str) -> None:
    install("methods", {"bad": target, "my-row": "rows:Mine"})
    (refused,) = METHODS.refused
    assert (refused.name, refused.package, refused.target) == ("bad", "plugin 1.0", target)
    with pytest.raises(StudyError, match=REFUSED_METHODS[target]):
        METHODS["bad"]
    assert "bad" not in METHODS
    assert METHODS["my-row"].source == "somebody 2026"
    assert {"bad", "my-row", "invariant"} <= {row.name for row in entries("methods")}


@pytest.mark.parametrize(("table", "target", "reason"), REFUSED_OTHERS)
def test_a_bad_row_of_another_table_is_refused_with_the_reason(
    install: Install, table: str, target: str, reason: str
) -> None:
    install(table, {"bad": target})
    assert [row.name for row in registry(table).refused] == ["bad"]
    with pytest.raises(StudyError, match=reason):
        registry(table)["bad"]
    assert len(registry(table)) > 3


def test_a_refusal_names_the_row_its_package_the_reason_and_the_remedy(install: Install) -> None:
    install("methods", {"bad": "rows:PlainField"})
    assert refusal("methods", "bad") == (
        "the method 'bad' of the package plugin 1.0 is refused: the field 'extra' of PlainField has no description; "
        "declare it with ablate.options.option(default, description), or uninstall plugin"
    )


def test_a_misspelt_name_of_a_refused_row_gets_the_reason_too(install: Install) -> None:
    install("methods", {"refused-one": "rows:PlainField"})
    message = refusal("methods", "refused-on")
    assert message.startswith("no method is called 'refused-on'; did you mean 'refused-one'? the method 'refused-one'")
    assert "the field 'extra' of PlainField has no description" in message


def test_a_package_replaces_no_built_in_row(install: Install) -> None:
    before = METHODS["invariant"]
    install("methods", {"invariant": "rows:Mine"})
    assert [row.reason for row in METHODS.refused] == ["the name is taken by ablate's own"]
    assert METHODS["invariant"] is before


def test_a_name_with_a_label_count_is_taken_by_the_probe(install: Install) -> None:
    install("probes", {"knn-500": "others:MyLinear", "knn-few": "others:MyLinear"})
    assert [row.name for row in PROBES.refused] == ["knn-500"]
    assert "knn-few" in PROBES


def test_a_name_that_two_packages_add_is_refused_for_both(install: Install) -> None:
    install("methods", {"my-row": "rows:Mine"}, package="first")
    install("methods", {"my-row": "rows:Inherits", "other": "rows:Inherits"}, package="second")
    assert [row.package for row in METHODS.refused] == ["first 1.0", "second 1.0"]
    assert "the name is taken by another package: first 1.0 and second 1.0 add it" in refusal("methods", "my-row")
    assert "other" in METHODS


@pytest.mark.parametrize("name", ["Mine", "my_method", "-mine", "mine/2", "mine 2", "mïne"])
def test_a_malformed_name_is_refused(install: Install, name: str) -> None:
    install("methods", {name: "rows:Mine"})
    assert [(row.name, row.reason) for row in METHODS.refused] == [(name, "names consist of a-z, 0-9 and -")]


def test_a_package_may_use_the_table_while_it_is_imported(install: Install, tmp_path: Path) -> None:
    """Imported by the table, or imported first: then its rows are there once its import has ended."""
    text = "from ablate.methods import METHODS\nNAMES = list(METHODS)\nfrom rows import Mine\n"
    (tmp_path / "uses_table.py").write_text(text)
    install("methods", {"my-row": "uses_table:Mine"})
    assert "my-row" in METHODS
    sys.modules.pop("uses_table")
    METHODS._added = Added(complete=False)
    import uses_table  # type: ignore[import-not-found]  # the test writes it

    assert "invariant" in uses_table.NAMES
    assert "my-row" not in uses_table.NAMES
    assert "my-row" in METHODS
    assert METHODS.refused == ()


def test_threads_that_use_a_table_for_the_first_time_all_see_its_rows(install: Install, tmp_path: Path) -> None:
    slow = "import time\ntime.sleep(0.2)\nfrom rows import Mine\n"  # the other threads begin while it is imported
    (tmp_path / "uses_table.py").write_text(slow)
    install("methods", {"my-row": "uses_table:Mine"})
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append("my-row" in METHODS)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4


def test_a_built_in_name_is_found_without_importing_any_package(install: Install) -> None:
    install("methods", {"my-row": "rows:Mine"})
    assert METHODS["invariant"]
    assert "rows" not in sys.modules


def test_the_list_has_a_line_for_each_refused_row(install: Install) -> None:
    install("methods", {"bad": "rows:PlainField"})
    row = entries("methods")[-1].to_json()
    assert set(row) == {"name", "description", "source", "settings", "facts"}
    assert row["name"] == "bad"
    assert row["description"].startswith("the method 'bad' of the package plugin 1.0 is refused: the field 'extra'")
    assert row["facts"]["refused"] == "the field 'extra' of PlainField has no description"


def test_doctor_reports_refused_rows_of_every_table(install: Install) -> None:
    install("methods", {"bad": "rows:PlainField", "my-row": "rows:Mine"})
    install("datasets", {"worse": "others:ListShape"})
    check = doctor.plugins()
    assert (check.what, check.fit) == ("plugins", False)
    assert "the method 'bad' of the package plugin 1.0 is refused" in check.found
    assert "the data set 'worse' of the package plugin 1.0 is refused" in check.found
    assert "declare it with ablate.options.option(default, description), or uninstall plugin" in check.remedy


def test_doctor_names_the_rows_that_packages_add(install: Install) -> None:
    assert (doctor.plugins().fit, doctor.plugins().found) == (True, "none installed")
    install("methods", {"my-row": "rows:Mine"})
    METHODS._added = Added(complete=False)
    assert (doctor.plugins().fit, doctor.plugins().found) == (True, "method 'my-row' of plugin 1.0")


def test_a_registry_is_a_mutable_mapping() -> None:
    for rows in (METHODS, DATASETS, PROBES, PIPELINES, PAPERS):
        assert rows.get("absent") is None
        assert "absent" not in rows
        assert 3 not in rows
        assert len(rows) == len(list(rows)) == len(dict(rows))
    DATASETS["my-row"] = DATASETS["digits"]
    assert "my-row" in list(DATASETS)
    del DATASETS["my-row"]
    assert "my-row" not in DATASETS


def test_the_check_of_a_table_raises_a_reason_and_a_remedy() -> None:
    with pytest.raises(RowError) as caught:
        PROBES.check(METHODS["invariant"])
    assert caught.value.reason == "the class Invariant is not a subclass of ablate.probes.probe.Probe"
    assert caught.value.remedy == "derive it from Probe"
