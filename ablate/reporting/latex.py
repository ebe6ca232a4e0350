"""Writes the tables of a report as LaTeX with booktabs' rules, by pandas' Styler."""

import re
from collections.abc import Iterable, Iterator

from ablate.reporting.combined import datasets_table, interactions_table, ranks_table, trends_table
from ablate.reporting.report import Measured, Report, Table
from ablate.reporting.tables import comparisons_table, statements_table
from ablate.reporting.text import cell_text

SYMBOLS = {  # what pdflatex does not know, after the escape of LaTeX's own characters
    "<": "$<$",
    ">": "$>$",
    "±": r"$\pm$",
    "−": r"$-$",
    "†": r"$^\dagger$",
    "–": "--",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "×": r"$\times$",
    "…": r"\ldots{}",
}
HEAD = r"% \usepackage{booktabs}  % and \input{tables}"


Captioned = tuple[Table, str, str]  # a table, its caption, and the end of its label


def to_latex(report: Report) -> str:
    """All tables of a report, each in a `table` environment with a caption and a label."""
    return latex_tables([*tables_of(report), *combined_tables(report), *statement_tables(report)])


def latex_tables(tables: Iterable[Captioned]) -> str:
    """The tables that have rows, below the packages that they need."""
    return "\n".join([HEAD, *(latex_table(*one) for one in tables if one[0].rows)])


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
    """One table; its first column is left-aligned, the others right."""
    import pandas as pd

    names = [escaped(name) for name in table.head]
    cells = [[cell_text(cell) for cell in row] for row in table.rows]
    bold = [[isinstance(cell, Measured) and cell.best for cell in row] for row in table.rows]
    frame = pd.DataFrame(cells, columns=range(len(names)))
    styles = pd.DataFrame(bold, columns=frame.columns).map(lambda best: "textbf:--rwrap;" if best else "")
    styler = frame.style.format(escaped).apply(lambda _: styles, axis=None)
    styler = styler.format_index(lambda column: names[int(str(column))], axis="columns").hide(axis="index")
    text: str = styler.to_latex(
        hrules=True,
        caption=escaped(caption),
        label=f"tab:{label}",
        column_format="l" + "r" * (len(names) - 1),
        position_float="centering",
    )
    return text


def escaped(text: object) -> str:
    """The text with LaTeX's own characters escaped, and signs that pdflatex does not know as commands."""
    escapes = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    escapes |= {sign: f"\\{sign}" for sign in "&%$#_{}"}
    pattern = "|".join(map(re.escape, {**escapes, **SYMBOLS}))
    line = " ".join(str(text).split())
    return re.sub(pattern, lambda found: {**escapes, **SYMBOLS}[found.group()], line)
