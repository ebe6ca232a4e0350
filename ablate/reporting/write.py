"""Writes the files of a report: Markdown, figures, and the table of variants."""

from pathlib import Path

from ablate.atomic_write import write_bytes, write_text
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
        write_bytes(folder / f"{figure.stem}.png", png(draw_figure(figure.spec)))
    table = frame(compared.variant for compared in report.results.variants)
    write_bytes(folder / "variants.csv", table.to_csv(index=False, lineterminator="\n").encode())
    file = folder / "report.md"
    write_text(file, to_markdown(report))
    return file
