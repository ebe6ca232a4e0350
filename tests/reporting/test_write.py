"""The files of a report."""

import re
from collections.abc import Callable
from pathlib import Path

from ablate.reporting.content import report_of
from ablate.reporting.write import write_report
from ablate.stats.results import Result
from ablate.study.model import Study

KINDS = ("pdf", "png", "svg")


def test_every_link_of_the_markdown_is_a_file_beside_it(study: Study, results: list[Result], tmp_path: Path) -> None:
    file = write_report(report_of(study, results), tmp_path / "new" / "folder")
    links = re.findall(r"\]\(([^)]*)\)", file.read_text())
    assert links == ["figure-differences.png", "figure-1-transformation.png"]
    assert (file.parent / links[0]).read_bytes().startswith(b"\x89PNG")
    figures = [f"{stem}.{kind}" for stem in ("figure-1-transformation", "figure-differences") for kind in KINDS]
    assert sorted(file.name for file in file.parent.iterdir()) == [
        *("comparisons.csv", *figures, "report.html", "report.md", "tables.tex", "variants.csv"),
    ]
    assert (file.parent / "figure-differences.pdf").read_bytes().startswith(b"%PDF")
    assert "transformation=np</text>" in (file.parent / "figure-differences.svg").read_text()  # text, not outlines


def test_equal_reports_write_equal_bytes(study: Study, results: list[Result], tmp_path: Path) -> None:
    first, second = (write_report(report_of(study, results), tmp_path / name).parent for name in ("first", "second"))
    for file in first.iterdir():
        assert file.read_bytes() == (second / file.name).read_bytes()


def test_a_later_report_replaces_the_files_of_an_earlier_one(
    study: Study, results: list[Result], tmp_path: Path
) -> None:
    write_report(report_of(study, results[:3]), tmp_path)
    file = write_report(report_of(study, results), tmp_path)
    assert "| vat |" in file.read_text()
    assert "None: every trial" in file.read_text()


def test_variants_without_a_score_have_empty_cells_in_the_csv(
    study: Study, make_result: Callable[..., Result], tmp_path: Path
) -> None:
    results = [
        make_result({"method.transformation": "vat"}, 0, None),
        make_result({"method.transformation": "np"}, 0, 0.5),
    ]
    write_report(report_of(study, results), tmp_path)
    assert (tmp_path / "variants.csv").read_text().splitlines() == [
        "dataset,method,method.transformation,n,mean,low,high,std,baseline,failed,missing,no_value",
        "fsdd,invariant,np,1,0.5,,,,False,0,2,0",
        "fsdd,invariant,vat,0,,,,,True,0,2,1",
    ]


def test_a_report_without_finished_trials_has_no_figures(study: Study, tmp_path: Path) -> None:
    write_report(report_of(study, []), tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "comparisons.csv",
        "report.html",
        "report.md",
        "tables.tex",
        "variants.csv",
    ]
