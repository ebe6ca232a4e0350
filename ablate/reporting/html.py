"""Writes a report as one HTML page that needs no other file and no network."""

import base64
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def to_html(title: str, markdown: str, images: Mapping[str, bytes]) -> str:
    """The page of a report's Markdown; `images` maps the names of its PNG files to their bytes, which it embeds.

    Markup in the text, such as a question that holds a script tag, is shown as text.
    """
    from markdown_it import MarkdownIt

    converter = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = converter.parse(markdown)
    for token in tokens:
        for child in token.children or ():
            if child.type == "image":
                embed(child, images)
    body = converter.renderer.render(tokens, converter.options, {})
    environment = Environment(
        loader=PackageLoader("ablate.reporting", "."), undefined=StrictUndefined, autoescape=True, trim_blocks=True
    )
    return environment.get_template("report.html.jinja").render(title=title, body=Markup(in_frames(body)))


def embed(image: Any, images: Mapping[str, bytes]) -> None:
    """Replace the address of an image token by the image itself."""
    content = images.get(str(image.attrGet("src")))
    if content is not None:
        image.attrSet("src", f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}")


def in_frames(body: str) -> str:
    """The body with a frame around each table, in which a wide one scrolls."""
    return body.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")
