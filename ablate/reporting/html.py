"""Writes a report as one HTML page that needs no other file and no network.

A short script shows the tips of figures at once, to the mouse and to the arrow keys, and the addresses of links in a
frame out of which none leads, such as that in which MLflow shows files.  The page of a search also has plotly's,
compressed in the page itself, which makes its figures interactive.  Where scripts cannot run, the figures stay as they
are drawn, and the browser shows their tips.
"""

import base64
import gzip
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ablate.draw.vector import inline

MAX_LINE = 30  # characters of a cell that stay on one line


def to_html(
    title: str,
    markdown: str,
    figures: Mapping[str, bytes],
    pictures: Mapping[str, bytes] = MappingProxyType({}),
    interactive: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The page of a report's Markdown; `figures` maps the names of its PNG files to SVG, which the page holds instead.

    `pictures` maps the names of other PNG files to their content, which the page holds, and `interactive` the names of
    some figures to their data for plotly.

    Markup in the text, such as a question that holds a script tag, is shown as text.
    """
    from markdown_it import MarkdownIt

    converter = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = converter.parse(markdown)
    drawn = list(embedded(tokens, figures, pictures, interactive))
    body = converter.renderer.render(tokens, converter.options, {})
    for place, figure in enumerate(drawn):
        body = body.replace(f'<img src="{place}.figure" alt="" />', figure)
    environment = Environment(
        loader=PackageLoader("ablate.reporting", "."), undefined=StrictUndefined, autoescape=True, trim_blocks=True
    )
    return environment.get_template("report.html.jinja").render(
        title=title,
        body=Markup(in_frames(body)),
        scripted="<title>" in body or "<a " in body,
        plotly=plotly_script() if interactive else "",
    )


@cache
def plotly_script() -> str:
    """The script of plotly, 4.8 MB, compressed to 2 MB of text."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), compresslevel=6, mtime=0)).decode("ascii")


def with_data(svg: str, data: str) -> str:
    """A drawn figure with what plotly draws in its place."""
    safe = data.replace("<", "\\u003c")  # so that no text in it ends the script
    return f'<span class="interactive">{svg}<script type="application/json">{safe}</script></span>'


def embedded(
    tokens: Sequence[Any], figures: Mapping[str, bytes], pictures: Mapping[str, bytes], interactive: Mapping[str, str]
) -> Iterator[str]:
    """The figures of the image tokens, in order; the address of each token becomes its place in this order.

    That of a picture becomes the picture itself.
    """
    place = 0
    for token in tokens:
        for child in token.children or ():
            name = str(child.attrGet("src")) if child.type == "image" else ""
            content = figures.get(name)
            if content is None and name in pictures:
                child.attrSet("src", f"data:image/png;base64,{base64.b64encode(pictures[name]).decode('ascii')}")
            if content is not None:
                svg = inline(content.decode(), f"f{place}", child.content)
                yield with_data(svg, interactive[name]) if name in interactive else svg
                child.attrSet("src", f"{place}.figure")
                child.children = []
                place += 1


def in_frames(body: str) -> str:
    """The body with a frame around each table, in which a wide one scrolls, and with cells whose long text may wrap."""
    body = re.sub(rf"<td>([^<]{{{MAX_LINE},}})</td>", r'<td class="text">\1</td>', body)
    return body.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")
