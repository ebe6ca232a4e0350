"""Watching: the status of studies, printed again whenever it changes."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ablate.codec import to_plain
from ablate.view import console
from ablate.view.answers import print_status

if TYPE_CHECKING:
    from ablate.driver.status import Status

EVERY = 2.0  # seconds


def print_changes(look: "Callable[[], Sequence[Status]]", as_json: bool) -> None:
    """Print the status at every change until Ctrl-C: a JSON value per line, or a page in place of the last one."""
    shown: Sequence[Status] | None = None
    with suppress(KeyboardInterrupt):
        while True:
            found = look()
            if shown is None and not found and as_json:
                print("no study was launched in this store yet; waiting for one", file=sys.stderr)
            if found != shown and as_json:
                print(json.dumps([to_plain(status) for status in found]), flush=True)
            elif found != shown:
                console.out.clear()
                print_status(found, as_json=False)
            shown = found
            time.sleep(EVERY)  # MLflow sends no notice of a change
