"""Writes the files of a report: Markdown, figures, and the table of variants."""

import os
from pathlib import Path

from ablate.draw.canvas import png
from ablate.draw.report_figures import draw_figure
from ablate.reporting.markdown import to_markdown
from ablate.reporting.report import Report
from ablate.stats.frame import frame


def write_report(report: Report, folder: Path) -> Path:
    """Write `report.md`, `variants.csv` and the figures into a folder; return the path of the Markdown.

    Equal reports write equal bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for figure in report.figures:
        replace(folder / f"{figure.stem}.png", png(draw_figure(figure.spec)))
    table = frame(compared.variant for compared in report.results.variants)
    replace(folder / "variants.csv", table.to_csv(index=False, lineterminator="\n").encode())
    file = folder / "report.md"
    replace(file, to_markdown(report).encode())
    return file


def replace(path: Path, content: bytes) -> None:
    """Write under another name, then rename: readers see the old file or the new one, never a part."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_bytes(content)
    new.replace(path)
