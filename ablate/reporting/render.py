"""Writes the report of a study: Markdown, a figure for each axis, the table of variants."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from ablate.draw.figures import draw, draw_history
from ablate.draw.labels import ABSENT, cell, estimated, level_text, number, stated
from ablate.draw.panels import axes_of, layout, where
from ablate.papers.reference import title
from ablate.reporting.answer import Answer, answer, plain
from ablate.reporting.paper import datasets_of, expected, place_of, stand_ins, strangers
from ablate.stats.results import Result
from ablate.stats.variants import OF_CASES, Variant, frame
from ablate.study.model import Study
from ablate.trial import short

BEST = 10  # proposals shown of a search; variants.csv has them all
MOST_GAPS = 50  # rows of what is missing
LONGEST = 300  # letters of a reason


@dataclass(frozen=True)
class Picture:
    """A figure, its file beside the report, and what it shows."""

    file: str
    caption: str
    figure: Figure


@dataclass(frozen=True)
class Table:
    """Rows of words under a head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def write_report(study: Study, results: Sequence[Result], folder: Path) -> Path:
    """Write `report.md`, `variants.csv` and the figures; return the path of the Markdown.

    `results` holds every planned trial, those that were not run among them (`results_of`); those of a search come in
    the order of its proposals.  The same arguments write the same bytes.
    """
    found = answer(study, results)
    pictures = tuple(pictures_of(found))
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        replace(folder / picture.file, png(picture.figure))
    replace(folder / "variants.csv", frame(found.variants).to_csv(index=False, lineterminator="\n").encode())
    report = folder / "report.md"
    replace(report, markdown(found, pictures).encode())
    return report


def to_json(study: Study, results: Sequence[Result]) -> dict[str, Any]:
    """The report as plain values, for `ablate report --json`; null is what is not known."""
    return plain(answer(study, results))


def replace(path: Path, content: bytes) -> None:
    """Write under another name, then rename: a reader sees the old file or the new one."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_bytes(content)
    new.replace(path)


def png(figure: Figure) -> bytes:
    content = BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def pictures_of(found: Answer) -> Iterator[Picture]:
    """A figure for each axis; for a search, the best value so far."""
    search = found.study.search
    if search is not None:
        means = [(place, one.estimate.mean) for place, one in enumerate(found.variants, start=1)]
        scored = [(place, mean) for place, mean in means if mean is not None]
        if scored:
            figure = draw_history(scored, search.objectives[found.metric], found.metric)
            yield Picture("figure-1-history.png", "Best mean so far, by proposal", figure)
        return
    scored_variants = [one for one in found.variants if one.scores]
    for place, axis in enumerate(axes_of(found.study, scored_variants), start=1):
        picture = layout(found.study, scored_variants, axis)
        figure = draw(picture, found.metric, lambda one: expected(found.study, one, found.metric))
        caption = f"{found.metric} by {short(axis)}" + (f" ({picture.note})" if picture.note else "")
        yield Picture(f"figure-{place}-{re.sub(r'[^A-Za-z0-9-]+', '-', short(axis))}.png", caption, figure)


def markdown(found: Answer, pictures: Sequence[Picture]) -> str:
    """The report in words."""
    environment = Environment(
        loader=PackageLoader("ablate.reporting", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; `cell` escapes what users wrote
    )
    environment.filters["cell"] = cell
    text = environment.get_template("report.md.jinja").render(
        answer=found,
        study=found.study,
        how=how_table(found.study, found.variants),
        table=best_table(found) if found.study.search else variant_table(found, found.variants),
        others=other_table(found),
        gaps=gap_table(found.variants),
        pictures=pictures,
        paper=found.study.paper and title(found.study.paper.id),
        place=place_of(found.study),
        stand_ins=stand_ins(found.study),
        strangers=strangers(found.study),
    )
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def how_table(study: Study, found: Iterable[Variant]) -> Table:
    """What was the same in every trial, and which choices were made."""
    epochs = sorted({str(one.config.training.get("epochs", ABSENT)) for one in found})
    fixed = dict.fromkeys(f"{path} = {level_text(level)}" for case in study.cases for path, level in case.fixed.items())
    rows = {
        "Method": ", ".join(methods_of(study)),
        "Data set": ", ".join(datasets_of(study)),
        "Design": ", ".join(dict.fromkeys(case.design for case in study.cases)),
        "Seeds": ", ".join(map(str, study.seeds)),
        "Epochs": ", ".join(epochs),
        "Profile": study.profile or "",
        "Fixed": ", ".join(fixed),
        "Probes": ", ".join(study.probes),
    }
    return Table(("", ""), tuple((name, text) for name, text in rows.items() if text))


def methods_of(study: Study) -> tuple[str, ...]:
    named = [str(name) for case in study.cases for name in case.axes.get("method", (case.method,))]
    return tuple(dict.fromkeys(named))


def variant_table(found: Answer, shown: Sequence[Variant]) -> Table:
    """Levels, mean with interval, spread, n, what the paper printed; columns that would say nothing are left out."""
    axes = named_axes(shown)
    printed = [expected(found.study, one, found.metric) for one in shown]
    spread = next((row.spread for row in printed if row is not None), "")
    columns = [
        *((name, [level_of(one, axis) for one in shown]) for axis, name in axes.items()),
        (found.metric, [estimated(one.estimate) + (" †" if found.smaller and one.scores else "") for one in shown]),
        ("std", [number(one.estimate.std) for one in shown]),
        ("n", [str(one.estimate.n) for one in shown]),
        (f"paper (± {spread})", [stated(row) for row in printed] if spread else []),
        ("failed", [str(len(one.failed)) for one in shown] if any(one.failed for one in shown) else []),
        ("not run", [str(len(one.missing)) for one in shown] if any(one.missing for one in shown) else []),
        ("", ["baseline" if one.baseline else "" for one in shown] if any(one.baseline for one in shown) else []),
    ]
    kept = [(name, texts) for name, texts in columns if texts]
    return Table(tuple(name for name, _ in kept), tuple(zip(*(texts for _, texts in kept), strict=True)))


def best_table(found: Answer) -> Table:
    """The proposals of the best means."""
    assert found.study.search is not None
    sign = -1 if found.study.search.objectives[found.metric] == "maximize" else 1
    scored = [one for one in found.variants if one.estimate.mean is not None]
    best = sorted(scored, key=lambda one: sign * (one.estimate.mean or 0.0))[:BEST]
    return variant_table(found, best)


def other_table(found: Answer) -> Table:
    """The means of the other metrics."""
    if not found.others or found.study.search is not None:
        return Table((), ())
    axes = named_axes(found.variants)
    rows = tuple(
        (*(level_of(row[0], axis) for axis in axes), *(estimated(one.estimate) for one in row))
        for row in zip(*found.others.values(), strict=True)
    )
    return Table((*axes.values(), *found.others), rows)


def named_axes(shown: Sequence[Variant]) -> dict[str, str]:
    """The axes that name a variant, each with its column's name: data set and method only where there are several."""
    several = [axis for axis in OF_CASES if len({one.level(axis) for one in shown}) > 1]
    axes = tuple(dict.fromkeys([*several, *(axis for one in shown for axis in one.levels)]))
    words = [short(axis) for axis in axes]
    return {axis: short(axis) if words.count(short(axis)) == 1 else axis for axis in axes}


def level_of(one: Variant, axis: str) -> str:
    return level_text(one.level(axis)) if axis in one.levels or axis in OF_CASES else ""


def gap_table(found: Sequence[Variant]) -> Table:
    """Which seeds of which variants have no value, and why."""
    rows = [row for one in found for row in gaps(one)]
    more = len(rows) - MOST_GAPS
    rest = [("…", "", f"and {more} more rows")] if more > 0 else []
    return Table(("variant", "seeds", "why"), (*rows[:MOST_GAPS], *rest))


def gaps(one: Variant) -> Iterator[tuple[str, str, str]]:
    name = where(one, dict.fromkeys([*OF_CASES, *one.levels]))
    for reason in dict.fromkeys(one.failed.values()):
        seeds = [str(seed) for seed, why in one.failed.items() if why == reason]
        yield name, ", ".join(seeds), f"failed: {reason}" if len(reason) <= LONGEST else f"failed: {reason[:LONGEST]}…"
    if one.missing:
        yield name, ", ".join(map(str, one.missing)), "not run to the end"
