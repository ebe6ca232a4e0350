"""Writes a report as Markdown."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ablate.draw.labels import variant_label
from ablate.reporting.answer import margin_text
from ablate.reporting.combined import datasets_table, interactions_table, ranks_table, trends_table
from ablate.reporting.cost import Failures
from ablate.reporting.execution import Gap
from ablate.reporting.limits import unshown_sentence
from ablate.reporting.links import NO_LINKS, Links
from ablate.reporting.outcome import Outcome
from ablate.reporting.report import Cell, Linked, Measured, Report, Table
from ablate.reporting.tables import comparisons_table, statements_table
from ablate.reporting.text import cell_text
from ablate.stats.comparisons import Comparison
from ablate.stats.interactions import Interaction
from ablate.stats.statements import Holds
from ablate.stats.variants import CASE_AXES

MAX_GAPS = 50  # rows of the table of gaps
MAX_REASON = 300  # characters


def to_markdown(report: Report) -> str:
    """The report as Markdown; figures are PNG files beside it."""
    return rendered(
        "report.md.jinja",
        report=report,
        results=report.results,
        setup=Table(("", ""), report.execution.setup),
        answer=[linked_sentence(sentence, report.answer_links) for sentence in report.answer],
        gaps=gap_table(report.execution.gaps),
        failures=failure_table(report.execution.failures, report.links),
        paper=report.paper,
        interactions=interactions_table(report.design.interactions, report.links),
        trends=trends_table(report.design.trends, report.links),
        over_datasets=datasets_table(report.design.over_datasets, report.links),
        ranks=ranks_table(report.design.ranking, report.links),
        comparisons=comparisons_table(report.design.comparisons, report.links),
        margin=margin_text(report.design.comparisons[0]) if report.design.comparisons else "",
        unshown=unshown_of(report.design.comparisons),
        unshown_interactions=unshown_of(report.design.interactions, "interaction"),
        disagreeing=[one for one in report.design.comparisons if one.permutation_disagrees and one.look is None],
        skewed=[one for one in report.design.comparisons if one.is_skewed],
    )


def unshown_of(compared: Sequence[Comparison] | Sequence[Interaction], one: str = "difference") -> str:
    """The sentence on intervals that exclude 0 without a shown difference; empty where there are none."""
    return unshown_sentence(sum(each.excludes_zero_unshown for each in compared), len(compared), one)


def rendered(template: str, **values: Any) -> str:
    """The text of a template, which is Markdown, without repeated empty lines."""
    environment = Environment(
        loader=PackageLoader("ablate.reporting", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; the filter `escaped` escapes what users wrote
    )
    environment.filters["escaped"] = escaped
    environment.filters["variant_name"] = lambda variant: escaped(variant_label(variant, variant.levels or CASE_AXES))
    environment.globals |= {"statements_table": statements_table, "Holds": Holds, "Outcome": Outcome}
    text = environment.get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def linked_sentence(sentence: str, links: Mapping[str, tuple[str, str]]) -> str:
    """The sentence escaped, with a link from each phrase's number to its runs."""
    text = escaped(sentence)
    for phrase, (number, address) in links.items():
        whole, part = escaped(phrase), escaped(number)
        if part in whole:
            text = text.replace(whole, whole.replace(part, f"[{part}]({address})", 1), 1)
    return text


def gap_table(gaps: tuple[Gap, ...]) -> Table:
    """The first MAX_GAPS gaps, and a row with the count of the others."""
    rows: list[tuple[Cell, ...]] = [
        (gap.variant, ", ".join(map(str, gap.seeds)), shortened(gap.reason)) for gap in gaps[:MAX_GAPS]
    ]
    more = len(gaps) - MAX_GAPS
    rest: list[tuple[Cell, ...]] = [("…", "", f"and {more} more rows")] if more > 0 else []
    return Table(("variant", "seeds", "why"), (*rows, *rest))


def failure_table(failures: tuple[Failures, ...], links: Links = NO_LINKS) -> Table:
    """A row per cause of failures: how many trials, and one whose log tells more."""
    rows = tuple(
        (one.cause, len(one.keys), Linked(f"{one.name} ({one.keys[0]})", links.seed(one.variant, one.seed)))
        for one in failures[:MAX_GAPS]
    )
    return Table(("cause", "trials", "one of them"), rows)


def shortened(text: str) -> str:
    return text if len(text) <= MAX_REASON else f"{text[:MAX_REASON]}…"


def escaped(cell: Cell) -> str:
    """A cell on one line with Markdown's special characters escaped, so that it neither ends a table nor is markup.

    The best is in bold, and what has a run links to it.
    """
    line = " ".join(cell_text(cell).split())
    text = re.sub(r"([\\`*\[\]<>|~]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", line)
    if not isinstance(cell, Measured | Linked):
        return text
    linked = f"[{text}]({cell.link})" if cell.link else text
    return f"**{linked}**" if isinstance(cell, Measured) and cell.best else linked
