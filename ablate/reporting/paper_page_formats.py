"""Writes the page of a paper as Markdown, HTML, JSON and a table of numbers."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from ablate.atomic_write import write_bytes, write_text
from ablate.plural import counted
from ablate.reporting.html import to_html
from ablate.reporting.json import verdict_json
from ablate.reporting.latex import Captioned, latex_tables
from ablate.reporting.markdown import rendered
from ablate.reporting.outcome import counts_text
from ablate.reporting.paper import NETWORKS, WIDTH, Difference
from ablate.reporting.paper_page import Finding, OurNumber, PaperNumber, PaperPage, StudyVerdict
from ablate.reporting.report import Cell, Measured, Table
from ablate.reporting.tables import against_text, printed_times, statements_table
from ablate.study.words import NO_WORDS

NOT_TESTED = "not tested"
WORDS = {"batch_size": "batches of", "latent_dim": "codes of dimension"}  # before the number of a setting


def page_markdown(page: PaperPage, measured_only: bool = False, linked: bool = False) -> str:
    """The page as Markdown; with `measured_only`, without the printed numbers that no study has measured.

    `linked`: our numbers link to their runs, which are at an address of this machine where no other server is named.
    """
    shown = [number for number in page.numbers if number.ours or not measured_only]
    tables = [
        (place, numbers_table(list(group), linked)) for place, group in groupby(shown, lambda one: one.printed.table)
    ]
    return rendered(
        "paper.md.jinja",
        page=page,
        linked=linked,
        counts=counts(page),
        overview=overview(page.findings),
        tables=tables,
        left_out=len(page.numbers) - len(shown),
        scale=scale_text,
    )


def counts(page: PaperPage) -> str:
    """`Of 13 findings: 2 agree, 1 agrees in part, 10 are not tested. 8 of 400 printed numbers measured.`"""
    findings = counted(len(page.findings), "finding")
    outcomes = counts_text(finding.outcome for finding in page.findings)
    tested = f"Of {findings}: {outcomes}." if page.tested else f"None of the {findings} has been tested."
    return f"{tested} {page.measured} of {counted(len(page.numbers), 'printed number')} measured."


def tested_counts(page: PaperPage) -> str:
    """`2 of 13 findings tested: 1 agrees in part, 1 is undecided`."""
    outcomes = counts_text(finding.outcome for finding in page.tested)
    return f"{len(page.tested)} of {counted(len(page.findings), 'finding')} tested: {outcomes}"


def overview(findings: Iterable[Finding]) -> Table:
    """A row per finding and study: place, verdict, scale and study."""
    rows: list[tuple[Cell, ...]] = []
    for finding in findings:
        for one in finding.tested:
            place = (finding.ablation.id, finding.ablation.where)
            rows.append((*place, one.found.text, scale_text(one), one.study))
        if not finding.tested:
            studies = ", ".join(finding.not_run)
            rows.append((finding.ablation.id, finding.ablation.where, NOT_TESTED, "", studies))
    return Table(("finding", "place", "verdict", "scale", "study"), tuple(rows))


def scale_text(one: StudyVerdict | OurNumber) -> str:
    """`20 of 5000 epochs; digits replaces MNIST`; the paper's where nothing is smaller."""
    parts = [fewer(pair) for pair in one.smaller]
    if isinstance(one, StudyVerdict):
        parts += [f"{ours} replaces {papers}" for ours, papers in one.replaced.items()]
    return ", ".join(parts) or "the paper's"


def fewer(pair: Difference) -> str:
    ours, papers = (f"{value:g}" if isinstance(value, int | float) else value for value in (pair.ours, pair.papers))
    if pair.name in NETWORKS:
        return f"{ours} instead of {papers}"
    if pair.name in WORDS:
        return f"{WORDS[pair.name]} {ours} instead of {papers}"
    return f"a {WIDTH} of {ours} instead of {papers}" if pair.name == WIDTH else f"{ours} of {papers} {pair.name}"


def numbers_table(numbers: Sequence[PaperNumber], linked: bool = False) -> Table:
    """A row per printed number and study that measured it; columns that are empty in all rows are left out."""
    rows: list[tuple[Cell, ...]] = []
    for number in numbers:
        row = number.printed
        for ours in number.ours:
            quantity, factor = ours.quantity, ours.quantity.factor
            measured = Measured(ours.estimate, bool(ours.smaller), ours.link if linked else "", factor=factor)
            numbers_shown = (printed_times(row, factor), measured, against_text(ours.against, factor))
            names = (row.dataset, row.method, quantity.head, row.setting)
            rows.append((*names, *numbers_shown, scale_text(ours), ours.study))
        if not number.ours:
            quantity = NO_WORDS.quantity(row.metric)
            names = (row.dataset, row.method, quantity.head, row.setting)
            rows.append((*names, printed_times(row, quantity.factor), None, "", "", ""))
    head = ("data set", "method", "metric", "setting", "paper", "ours", "ours − paper", "scale", "study")
    kept = [
        column
        for column, name in enumerate(head)
        if name in ("method", "metric", "paper", "ours") or any(row[column] for row in rows)
    ]
    return Table(tuple(head[column] for column in kept), tuple(tuple(row[column] for column in kept) for row in rows))


def page_json(page: PaperPage) -> dict[str, Any]:
    """The page as JSON values."""
    return {
        "paper": page.id,
        "title": page.title,
        "findings": [finding_json(finding) for finding in page.findings],
        "numbers": [number_json(number) for number in page.numbers],
        "not_run": [asdict(one) for one in page.not_run] if page.not_run is not None else None,
        "incomplete": {name: {"finished": done, "trials": total} for name, (done, total) in page.incomplete.items()},
    }


def finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "finding": finding.ablation.id,
        "place": finding.ablation.where,
        "text": finding.ablation.finding,
        "verdict": str(finding.outcome) if finding.outcome else None,
        "in_part": finding.tested[0].found.text if finding.tested and finding.tested[0].found.shares else None,
        "smaller": finding.smaller,
        "studies": [
            {
                "study": one.study,
                "datasets": list(one.datasets),
                "scale": [asdict(pair) for pair in one.smaller],
                "stand_ins": dict(one.replaced),
                "note": one.note or None,
                **verdict_json(one.found),
            }
            for one in finding.tested
        ],
        "not_run": list(finding.not_run),
    }


def number_json(number: PaperNumber) -> dict[str, Any]:
    row = number.printed
    return {
        **{name: getattr(row, name) for name in ("table", "dataset", "method", "metric", "setting", "note")},
        "value": row.value,
        "spread": {row.spread: row.std} if row.std is not None else None,
        "ours": [
            {
                "study": ours.study,
                **asdict(ours.estimate),
                **asdict(ours.against),
                "scale": [asdict(pair) for pair in ours.smaller],
            }
            for ours in number.ours
        ],
    }


def write_page(page: PaperPage, folder: Path) -> Path:
    """Write `report.html`, whose numbers link to runs, `report.md`, `tables.tex` and `numbers.csv`.

    Returns the path of the Markdown.
    """
    folder.mkdir(parents=True, exist_ok=True)
    markdown, file = page_markdown(page), folder / "report.md"
    write_bytes(folder / "numbers.csv", numbers_csv(page))
    write_text(folder / "tables.tex", latex_tables(page_tables(page)))
    write_text(folder / "report.html", to_html(page.title, page_markdown(page, linked=True), {}))
    write_text(file, markdown)
    return file


def page_tables(page: PaperPage) -> Iterator[Captioned]:
    """The verdicts, the statements of each, and the printed numbers that a study has measured, for LaTeX."""
    yield overview(page.tested), f"Findings of {page.title}", "findings"
    verdicts = (one for finding in page.tested for one in finding.tested)
    for number, one in enumerate(verdicts, start=1):
        caption = f"{one.found.ablation.id} in {one.study}: {one.found.text} (scale: {scale_text(one)})"
        yield statements_table(one.found), caption, f"statements-{number}"
    measured = (number for number in page.numbers if number.ours)
    for place, group in groupby(measured, lambda one: one.printed.table):
        label = re.sub(r"[^A-Za-z0-9]+", "-", place).strip("-").lower()
        yield numbers_table(list(group)), f"Printed and measured numbers, {place}", f"numbers-{label}"


def numbers_csv(page: PaperPage) -> bytes:
    """A row per printed number and study that measured it, as CSV."""
    import pandas as pd

    rows = []
    for number in page.numbers:
        row = number.printed
        names = {name: getattr(row, name) for name in ("table", "dataset", "method", "metric", "setting")}
        paper = {**names, "paper": row.value, "paper_std": row.std}
        ours = [{"study": one.study, **asdict(one.estimate), **asdict(one.against)} for one in number.ours]
        rows += [{**paper, **one} for one in ours or [{}]]
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n").encode()
