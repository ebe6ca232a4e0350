"""Writes the files of a report: Markdown, one HTML page, LaTeX, figures, and tables as CSV and Parquet."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.atomic_write import write_bytes, write_text
from ablate.draw.canvas import png
from ablate.draw.optuna_figures import OptunaFigure, plotly_json
from ablate.draw.report_figures import draw_figure
from ablate.draw.vector import pdf, svg, without_links
from ablate.reporting.html import to_html
from ablate.reporting.latex import to_latex
from ablate.reporting.markdown import to_markdown
from ablate.reporting.report import Report, Table
from ablate.stats.frame import comparison_frame, frame, trend_frame

if TYPE_CHECKING:
    import pandas as pd


def write_report(report: Report, folder: Path, frames: "Mapping[str, pd.DataFrame] | None" = None) -> Path:
    """Write `report.html`, `report.md`, `tables.tex`, figures and tables into a folder; the path of the Markdown.

    Figures are PNG, SVG and PDF files.  `frames` are further tables by name (`trials`, `epochs`), written as CSV and
    Parquet.  Equal reports write equal bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    images, vectors, interactive = {}, {}, {}
    for figure in (*report.figures.results, *report.figures.curves):
        drawn = draw_figure(figure.spec)
        images[f"{figure.stem}.png"] = png(drawn)
        drawn.set_layout_engine("none")  # it has placed everything; doing so again would take most of the time
        vectors[f"{figure.stem}.png"] = svg(drawn, report.links.variant)
        write_bytes(folder / f"{figure.stem}.svg", without_links(vectors[f"{figure.stem}.png"]))
        write_bytes(folder / f"{figure.stem}.pdf", pdf(drawn))
        if isinstance(figure.spec, OptunaFigure):
            interactive[f"{figure.stem}.png"] = plotly_json(figure.spec)
    images |= {one.file: one.content for kind in report.figures.pictures for one in kind.members}
    for name, image in images.items():
        write_bytes(folder / name, image)
    for name, table_of_trials in (frames or {}).items():
        write_frame(table_of_trials, folder / name)
    table = frame(compared.variant for compared in report.results.variants)
    write_bytes(folder / "variants.csv", table.to_csv(index=False, lineterminator="\n").encode())
    differences = comparison_frame(report.design.comparisons)
    write_bytes(folder / "comparisons.csv", differences.to_csv(index=False, lineterminator="\n").encode())
    if report.design.trends:
        slopes = trend_frame(report.design.trends)
        write_bytes(folder / "trends.csv", slopes.to_csv(index=False, lineterminator="\n").encode())
    file, markdown = folder / "report.md", to_markdown(report)
    write_text(folder / "tables.tex", to_latex(report))
    if report.results.proposals.rows:
        write_bytes(folder / "proposals.csv", csv_of(report.results.proposals))
    if report.results.best:
        write_text(folder / "best.yaml", report.results.best)
    write_text(folder / "report.html", to_html(report.study.name, markdown, vectors, images, interactive))
    write_text(file, markdown)
    return file


def csv_of(table: Table) -> bytes:
    import pandas as pd

    return pd.DataFrame(table.rows, columns=list(table.head)).to_csv(index=False, lineterminator="\n").encode()


def write_frame(table: "pd.DataFrame", file: Path) -> None:
    """Write a table as CSV and as Parquet, in which a column whose cells differ in type is text."""
    from pyarrow import Table, csv, parquet  # a tenth of the time that pandas takes for CSV

    mixed = [
        name for name in table.columns if table[name].dtype == object and len({type(cell) for cell in table[name]}) > 1
    ]
    columns = Table.from_pandas(table.astype(dict.fromkeys(mixed, str)), preserve_index=False)
    content = BytesIO()
    parquet.write_table(columns, content)
    write_bytes(file.with_suffix(".parquet"), content.getvalue())
    text = {name: table[name].map(str, na_action="ignore") for name in mixed}  # cells without a value stay empty
    rows, lines = Table.from_pandas(table.assign(**text), preserve_index=False) if mixed else columns, BytesIO()
    csv.write_csv(rows, lines, csv.WriteOptions(quoting_style="needed"))
    write_bytes(file.with_suffix(".csv"), lines.getvalue())
