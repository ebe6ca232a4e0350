"""Scripts of batch jobs, rendered from the templates in this folder."""

import shlex
from typing import Any


def render_script(template: str, **values: Any) -> str:
    """The script; a template quotes a value for the shell by the filter `quote`, for sbatch by `directive`."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ablate", "submit"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = lambda value: shlex.quote(str(value))
    environment.filters["directive"] = quote_for_sbatch
    return environment.get_template(template).render(**values)


def quote_for_sbatch(value: object) -> str:
    """A value of an option in a line `#SBATCH`, which sbatch would otherwise end at the first space."""
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
