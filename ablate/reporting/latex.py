"""Writes the tables of a report as LaTeX with booktabs' rules, by pandas' Styler.

A table is as wide as the text at most, and has as many rows as a page has room for.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from ablate.reporting.combined import datasets_table, interactions_table, ranks_table, trends_table
from ablate.reporting.latex_text import latex_text
from ablate.reporting.report import Measured, Report, Table
from ablate.reporting.tables import comparisons_table, statements_table
from ablate.reporting.text import cell_text

NUMBER = re.compile(r"[-+−<]? ?\d.*|–|")  # a cell of numbers; one without a value is a dash or empty
MOST_ROWS = 40  # of a table on one page
FIT = r"\tablefit"  # the command that scales a table down to the width of the text
HEAD = rf"""% \usepackage{{booktabs, graphicx}}  % and \input{{tables}}
\providecommand{{{FIT}}}[1]{{\resizebox{{\ifdim\width>\linewidth\linewidth\else\width\fi}}{{!}}{{#1}}}}
"""

Captioned = tuple[Table, str, str]  # a table, its caption, and the end of its label


def to_latex(report: Report) -> str:
    """All tables of a report, each in a `table` environment with a caption and a label."""
    return latex_tables([*tables_of(report), *combined_tables(report), *statement_tables(report)])


def latex_tables(tables: Iterable[Captioned]) -> str:
    """The tables that have rows, below the packages that they need."""
    return "\n".join([HEAD, *(latex_table(*part) for one in tables if one[0].rows for part in pages(*one))])


def pages(table: Table, caption: str, label: str) -> Iterator[Captioned]:
    """A table in parts that each fit on a page."""
    parts = [table.rows[start : start + MOST_ROWS] for start in range(0, len(table.rows), MOST_ROWS)]
    for number, rows in enumerate(parts, start=1):
        part = f" (part {number} of {len(parts)})" if len(parts) > 1 else ""
        yield Table(table.head, rows), f"{caption}{part}", f"{label}-part-{number}" if number > 1 else label


def tables_of(report: Report) -> Iterator[Captioned]:
    """The means, the comparisons, the trends and the other metrics of a report."""
    results, metric = report.results, report.quantity.name
    means = f"Mean of {metric} over seeds ± half of its 95 % interval"
    best = "; in bold the best and those not distinguished from it" if results.has_best else ""
    yield results.table, means + best, "results"
    for number, (title, table) in enumerate(results.pivots, start=1):
        yield table, f"{means}{f', {title}' if title else ''}{best}", f"pivot-{number}"
    yield comparisons_table(report.design.comparisons), f"{metric} minus that of the baseline, by seed", "comparisons"
    yield trends_table(report.design.trends), f"Slopes of {metric} along the axes, by seed", "trends"
    for number, table in enumerate(results.other_metrics, start=1):
        yield table, "Other metrics", f"metrics-{number}"


def combined_tables(report: Report) -> Iterator[Captioned]:
    """What several comparisons give together: interactions of axes, means over data sets, and ranks."""
    design, metric = report.design, report.quantity.name
    interactions = f"Interactions of axes in {metric}: differences of differences from the baseline, by seed"
    yield interactions_table(design.interactions), interactions, "interactions"
    over = f"{metric} minus that of the baseline, mean over data sets ± half of its 95 % interval over these"
    yield datasets_table(design.over_datasets), over, "data-sets"
    if design.ranking is not None:
        difference = f"critical difference of mean ranks {design.ranking.critical_difference:.2f} (Nemenyi, 5 %)"
        yield ranks_table(design.ranking), f"Ranks on each data set, 1 is best; {difference}", "ranks"


def statement_tables(report: Report) -> Iterator[Captioned]:
    """The statements of each finding of the paper, with the verdict as caption."""
    for number, found in enumerate(report.paper.verdicts if report.paper else (), start=1):
        yield statements_table(found), f"{found.ablation.id}: {found.text}", f"statements-{number}"


def latex_table(table: Table, caption: str, label: str) -> str:
    """One table; columns of words are left-aligned, those of numbers right."""
    import pandas as pd

    names = [latex_text(name) for name in table.head]
    cells = [[cell_text(cell) for cell in row] for row in table.rows]
    bold = [[isinstance(cell, Measured) and cell.best for cell in row] for row in table.rows]
    frame = pd.DataFrame(cells, columns=range(len(names)))
    styles = pd.DataFrame(bold, columns=frame.columns).map(lambda best: "textbf:--rwrap;" if best else "")
    styler = frame.style.format(latex_text).apply(lambda _: styles, axis=None)
    styler = styler.format_index(lambda column: names[int(str(column))], axis="columns").hide(axis="index")
    text: str = styler.to_latex(
        hrules=True,
        caption=latex_text(caption),
        label=f"tab:{label}",
        column_format="".join(alignment(column) for column in zip(*cells, strict=True)),
        position_float="centering",
    )
    start, end = r"\begin{tabular}", r"\end{tabular}"
    return text.replace(start, f"{FIT}{{%\n{start}", 1).replace(end, f"{end}}}")


def alignment(cells: Sequence[str]) -> str:
    """Right for numbers, left for words."""
    return "r" if all(NUMBER.fullmatch(cell) for cell in cells) else "l"
