"""Writes the files of a report: Markdown, one HTML page, figures, and the tables of variants and comparisons."""

from pathlib import Path

from ablate.atomic_write import write_bytes, write_text
from ablate.draw.canvas import png
from ablate.draw.report_figures import draw_figure
from ablate.reporting.html import to_html
from ablate.reporting.markdown import to_markdown
from ablate.reporting.report import Report
from ablate.stats.frame import comparison_frame, frame


def write_report(report: Report, folder: Path) -> Path:
    """Write `report.html`, `report.md`, the figures and two tables into a folder; return the path of the Markdown.

    Equal reports write equal bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    images = {f"{figure.stem}.png": png(draw_figure(figure.spec)) for figure in report.figures}
    for name, image in images.items():
        write_bytes(folder / name, image)
    table = frame(compared.variant for compared in report.results.variants)
    write_bytes(folder / "variants.csv", table.to_csv(index=False, lineterminator="\n").encode())
    differences = comparison_frame(report.comparisons)
    write_bytes(folder / "comparisons.csv", differences.to_csv(index=False, lineterminator="\n").encode())
    file, markdown = folder / "report.md", to_markdown(report)
    write_text(folder / "report.html", to_html(report.study, markdown, images))
    write_text(file, markdown)
    return file
