"""Figures as SVG and PDF; points of an SVG that have a tip show it where the mouse rests on them, and link to runs.

So figures in a report's page tell their numbers without a script; a short one of the page shows the tips at once, also
to the arrow keys.  A library for interactive figures adds 2 MB to each page, which only that of a search has
(`ablate.reporting.html`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from html import escape
from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING, Literal

from ablate.draw.plain_text import plain_text

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

TIP = "tip: "  # begins the id of an artist that has a tip
TIPS = "tips: "  # begins the id of a line whose points have a tip each
NEXT = "\ue000"  # between these tips: a private character, which no text has
RUN_OF = "variant:"  # begins the address of an artist that links to the run of a variant

Address = Callable[[str], str]  # key of a variant → the address of its run; empty where it has none


def set_tip(artist: Artist, text: str, variant: str = "") -> None:
    """Have the artist show a text where the mouse rests on it, and link to the run of the variant with this key."""
    artist.set_gid(f"{TIP}{text}")
    if variant:
        artist.set_url(f"{RUN_OF}{variant}")


def set_tips(line: Artist, texts: Iterable[str]) -> None:
    """Have each point of a line of markers show its text where the mouse rests on it."""
    line.set_gid(f"{TIPS}{NEXT.join(texts)}")


def svg(figure: Figure, address: Address = lambda _: "") -> bytes:
    """The figure as an SVG whose text stays text, with links to addresses; equal figures give equal bytes."""
    return with_links(with_tips(saved(figure, "svg").decode()), address).encode()


def pdf(figure: Figure) -> bytes:
    """The figure as a PDF; equal figures give equal bytes."""
    return saved(figure, "pdf")


def saved(figure: Figure, kind: Literal["svg", "pdf"]) -> bytes:
    from matplotlib import rc_context

    content = BytesIO()
    date = "Date" if kind == "svg" else "CreationDate"
    fonts = rc_context({"svg.hashsalt": "ablate", "svg.fonttype": "none", "pdf.fonttype": 42})
    with fonts, plain_text(figure):
        figure.savefig(content, format=kind, metadata={date: None})
    return content.getvalue()


def with_tips(text: str) -> str:
    """The SVG with a title element, which browsers show as a tip, in place of each id that holds one."""
    text = re.sub(rf'<g id="{TIPS}([^"]*)">(.*?)</g>', with_tips_of_points, text, flags=re.DOTALL)
    return re.sub(rf'<g id="{TIP}([^"]*)">', r"<g><title>\1</title>", text)


def with_tips_of_points(group: re.Match[str]) -> str:
    """The group of a line's markers with a title element in each."""
    texts = chain(group[1].split(NEXT))
    markers = re.sub(r"<use ([^>]*)/>", lambda marker: f"<use {marker[1]}><title>{next(texts)}</title></use>", group[2])
    return f"<g>{markers}</g>"


def with_links(text: str, address: Address) -> str:
    """The SVG with the address of a variant's run in each link to it; without links to what has none."""

    def link(found: re.Match[str]) -> str:
        to = address(found[1])
        return f'<a xlink:href="{escape(to)}" target="_blank">{found[2]}</a>' if to else found[2]

    return re.sub(rf'<a xlink:href="{RUN_OF}([^"]*)"[^>]*>(.*?)</a>', link, text, flags=re.DOTALL)


def without_links(content: bytes) -> bytes:
    """The SVG without its links, which lead to a server that others than its readers may not reach."""
    return re.sub(r"<a [^>]*>|</a>", "", content.decode()).encode()


def inline(text: str, name: str, caption: str) -> str:
    """An SVG as part of a page: as wide as its column, with ids that no other figure of the page has."""
    body = text[text.index("<svg") :]
    for size in ("width", "height"):
        body = re.sub(rf'(<svg[^>]*?) {size}="[^"]*"', r"\1", body, count=1)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(xlink:href="|url\()#', rf"\1#{name}-", body)
    return body.replace("<svg", f'<svg role="img" aria-label="{escape(caption)}"', 1)
