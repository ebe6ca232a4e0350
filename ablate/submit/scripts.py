"""Scripts of batch jobs, rendered from the templates in this folder."""

import shlex
from typing import Any


def render_script(template: str, **values: Any) -> str:
    """The script; a template quotes a value for the shell by the filter `quote`."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ablate", "submit"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = lambda value: shlex.quote(str(value))
    return environment.get_template(template).render(**values)
