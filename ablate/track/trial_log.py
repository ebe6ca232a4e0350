"""A trial's log: lines with their times, in its folder."""

import time

from ablate.paths import TrialPaths


def log_line(paths: TrialPaths, text: str) -> None:
    """Append a line, with the time, to the trial's log."""
    with paths.log.open("a", encoding="utf-8") as log:
        log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")
