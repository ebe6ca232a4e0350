"""Curves of runs: the values of a metric by epoch, read from MLflow's server or from its database."""

import math
import sys
from collections.abc import Mapping, Sequence

from ablate.track.client_interface import Reader
from ablate.track.concurrent_requests import concurrently
from ablate.track.database import DatabaseReader
from ablate.track.entities import Metric
from ablate.track.store import Curve

Curves = dict[str, dict[str, Curve]]  # metric, as MLflow calls it → run → curve


class CurveReader:
    """Reads curves of runs that have ended, each once: those that were summarized serve the report too."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.held: Curves = {}

    def read(self, runs: Mapping[str, Sequence[str]]) -> Curves:
        """Metric → run → curve; `runs` holds the runs that have a metric, by its MLflow name."""
        missing = {
            name: [run_id for run_id in run_ids if run_id not in self.held.get(name, {})]
            for name, run_ids in runs.items()
        }
        for name, found in read_curves(self.reader, {name: some for name, some in missing.items() if some}).items():
            self.held.setdefault(name, {}).update(found)
        held = {name: self.held.get(name, {}) for name in runs}
        return {name: {one: held[name][one] for one in run_ids if one in held[name]} for name, run_ids in runs.items()}

    def forget(self) -> None:
        """Drop what was read: the runs may have changed since."""
        self.held.clear()


def read_curve(reader: Reader, run_id: str, name: str) -> Curve:
    """(Epoch, value) of a metric by the name it has in MLflow, in order of epochs, the newest value of each."""
    return curve_of(reader.histories([run_id], name).get(run_id, []))


def read_curves(reader: Reader, runs: Mapping[str, Sequence[str]]) -> Curves:
    """Metric → run → curve, as `read_curve` gives it; `runs` holds the runs that have a metric, by its MLflow name."""
    if isinstance(reader, DatabaseReader):
        run_ids = list(dict.fromkeys(run_id for some in runs.values() for run_id in some))
        return {
            name: {run_id: with_logged_values(curve) for run_id, curve in by_run.items()}
            for name, by_run in reader.curves(run_ids, runs).items()
        }
    histories = concurrently(lambda name: reader.histories(runs[name], name), runs)
    return {
        name: {run_id: curve_of(points) for run_id, points in by_run.items()}
        for name, by_run in zip(runs, histories, strict=True)
    }


def with_logged_values(curve: Curve) -> Curve:
    """The curve with infinity in place of the number that MLflow holds for it."""
    values, largest = [value for _, value in curve], sys.float_info.max
    if values and -largest < min(values) <= max(values) < largest:  # false where the first one is no number
        return curve
    return [(step, logged_value(value)) for step, value in curve]


def logged_value(held: float) -> float:
    """The value that was logged: MLflow holds the largest number for infinity."""
    return math.copysign(math.inf, held) if abs(held) == sys.float_info.max else held


def curve_of(points: Sequence[Metric]) -> Curve:
    """(Epoch, value) in order of epochs, the newest value of each."""
    ordered = sorted(points, key=lambda point: point.timestamp)
    return sorted({point.step: logged_value(point.value) for point in ordered}.items())
