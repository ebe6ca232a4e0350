"""Figures as SVG and PDF; points of an SVG that have a tip show it where the mouse rests on them.

So figures in a report's page tell their numbers without a script.  A library for interactive figures adds 2 MB to each
page, which only that of a search has (`ablate.reporting.html`).
"""

from __future__ import annotations

import re
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Literal

from ablate.draw.plain_text import plain_text

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

TIP = "tip: "  # begins the id of an artist that has a tip


def set_tip(artist: Artist, text: str) -> None:
    """Have the artist show a text where the mouse rests on it."""
    artist.set_gid(f"{TIP}{text}")


def svg(figure: Figure) -> bytes:
    """The figure as an SVG whose text stays text; equal figures give equal bytes."""
    return with_tips(saved(figure, "svg").decode()).encode()


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
    return re.sub(rf'<g id="{TIP}([^"]*)">', r"<g><title>\1</title>", text)


def inline(text: str, name: str, caption: str) -> str:
    """An SVG as part of a page: as wide as its column, with ids that no other figure of the page has."""
    body = text[text.index("<svg") :]
    for size in ("width", "height"):
        body = re.sub(rf'(<svg[^>]*?) {size}="[^"]*"', r"\1", body, count=1)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(xlink:href="|url\()#', rf"\1#{name}-", body)
    return body.replace("<svg", f'<svg role="img" aria-label="{escape(caption)}"', 1)
