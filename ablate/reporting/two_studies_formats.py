"""Writes the comparison of two studies as Markdown, HTML and JSON."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ablate.atomic_write import write_bytes, write_text
from ablate.draw.canvas import png
from ablate.draw.report_figures import draw_figure
from ablate.draw.vector import svg
from ablate.reporting.html import to_html
from ablate.reporting.limits import unshown_sentence
from ablate.reporting.markdown import rendered
from ablate.reporting.report import Cell, Measured, Table, scale_of
from ablate.reporting.tables import p_value
from ablate.reporting.two_studies import SharedVariant, TwoStudies

FIGURE = "figure-differences.png"


def comparison_markdown(found: TwoStudies) -> str:
    """The comparison as Markdown; its figure is a PNG file beside it."""
    rows = tuple((one.name, one.first, one.second) for one in found.settings)
    settings = Table(("setting", found.first, found.second), rows)
    return rendered(
        "two_studies.md.jinja",
        found=found,
        answer=answer(found),
        settings=settings,
        variants=variants_table(found),
        unshown=unshown_sentence(sum(one.excludes_zero_unshown for one in found.shared), len(found.shared)),
        figure=FIGURE if found.figure else "",
    )


def answer(found: TwoStudies) -> str:
    """A sentence on how many of the shared variants differ."""
    tested = [one for one in found.shared if not one.same_trials]
    same = len(found.shared) - len(tested)
    if not found.shared:
        return "No variant is in both studies."
    shown = [one for one in tested if one.differs]
    parts = []
    if tested:
        differing = ", ".join(one.label for one in shown[:4]) + (" and others" if len(shown) > 4 else "")
        which = f": {differing}" if shown else ""
        count = f"{len(shown)} of {len(tested)} variants"
        parts.append(f"{found.quantity.name} differs in {count} that both have{which}.")
    if same:
        parts.append(f"{same} of the variants that both have are the same trials.")
    return " ".join(parts)


def variants_table(found: TwoStudies) -> Table:
    """A row per shared variant: both means, their difference with interval, and its p-values."""
    factor = found.quantity.factor
    scale = scale_of(estimate for one in found.shared for estimate in (one.first.estimate, one.second.estimate))
    rows: list[tuple[Cell, ...]] = [
        (
            one.label,
            Measured(one.first.estimate, link=found.links[0].variant(one.first.key), factor=factor, scale=scale),
            Measured(one.second.estimate, link=found.links[1].variant(one.second.key), factor=factor, scale=scale),
            Measured(one.difference, link=found.links[1].variant(one.second.key), factor=factor),
            "the same trials" if one.same_trials else "by seed" if one.paired else "unpaired",
            one.difference.n,
            p_value(one.p_value),
            p_value(one.p_adjusted),
        )
        for one in found.shared
    ]
    difference = found.quantity.head_of_differences("difference")
    head = ("variant", found.first, found.second, difference, "compared", "seeds", "p", "p (Holm)")
    return Table(head, tuple(rows))


def comparison_json(found: TwoStudies) -> dict[str, Any]:
    return {
        "first": found.first,
        "second": found.second,
        "metric": found.metric,
        "answer": answer(found),
        "settings": [asdict(one) for one in found.settings],
        "variants": [shared_json(one) for one in found.shared],
        "only_first": list(found.only_first),
        "only_second": list(found.only_second),
    }


def shared_json(one: SharedVariant) -> dict[str, Any]:
    return {
        "variant": one.label,
        "first": asdict(one.first.estimate),
        "second": asdict(one.second.estimate),
        **asdict(one.difference),
        "p": one.p_value,
        "p_holm": one.p_adjusted,
        "paired": one.paired,
        "same_trials": one.same_trials,
        "differs": one.differs,
    }


def write_comparison(found: TwoStudies, folder: Path) -> Path:
    """Write `report.html`, `report.md` and the figure into a folder; return the path of the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    vectors = {}
    if found.figure:
        drawn = draw_figure(found.figure)
        write_bytes(folder / FIGURE, png(drawn))
        vectors[FIGURE] = svg(drawn)
    markdown, file = comparison_markdown(found), folder / "report.md"
    write_text(folder / "report.html", to_html(f"{found.first} and {found.second}", markdown, vectors))
    write_text(file, markdown)
    return file
