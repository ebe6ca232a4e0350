"""Reads the embedded server's database, so that commands need no server; its tables have been MLflow's for years."""

import math
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ablate.errors import ServiceError
from ablate.track.client_interface import PAGE
from ablate.track.entities import Experiment, Metric, Run, RunData, RunInfo
from ablate.track.portions import portions

BUSY = 20.0  # seconds to wait while the server writes, as the server itself waits
RUN_COLUMNS = "run_uuid, experiment_id, name, status, start_time, end_time, lifecycle_stage, artifact_uri"
CHUNK = 500  # values in a query: SQLite takes no more than 999
POINT_RUNS = 50  # runs whose points are in memory at a time


class DatabaseReader:
    """A `Reader` of an SQLite file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        found = self._experiments("name = ?", (name,))
        return found[0] if found else None

    def list_experiments(self, tags: Mapping[str, str] | None = None) -> list[Experiment]:
        active = self._experiments("lifecycle_stage = 'active'")
        return [one for one in active if (tags or {}).items() <= one.tags.items()]

    def run_pages(
        self, experiments: Sequence[str], tags: Mapping[str, str], status: str = "", size: int = PAGE
    ) -> Iterator[list[Run]]:
        where = [f"experiment_id IN ({marks(experiments)})", "lifecycle_stage = 'active'"]
        values: list[Any] = [int(experiment) for experiment in experiments]
        for name, value in tags.items():
            where.append("run_uuid IN (SELECT run_uuid FROM tags WHERE key = ? AND value = ?)")
            values += [name, value]
        if status:
            where.append("status = ?")
            values.append(status)
        infos = self._infos(" AND ".join(where), values)
        return (self._with_data(some) for some in portions(infos, size))

    def get_run(self, run_id: str) -> Run:
        """The run.  Raises LookupError where there is none."""
        return self._with_data(self._infos("run_uuid = ?", [run_id]))[0]

    def histories(self, run_ids: Sequence[str], name: str) -> dict[str, list[Metric]]:
        found: dict[str, list[Metric]] = {}
        for some in portions(run_ids, CHUNK):
            query = (
                "SELECT run_uuid, value, is_nan, timestamp, step FROM metrics"
                f" WHERE key = ? AND run_uuid IN ({marks(some)})"
            )
            for run_id, value, is_nan, timestamp, step in self._rows(query, (name, *some)):
                point = Metric(name, number(value, is_nan), timestamp, step)
                found.setdefault(run_id, []).append(point)
        return found

    def curves(self, run_ids: Sequence[str], names: Collection[str]) -> dict[str, dict[str, list[tuple[int, float]]]]:
        """Metric → run → (step, value) in order of steps, the newest value of each; all metrics in one pass over runs.

        Values are as the server returns them: the largest number stands for infinity.
        """
        found: dict[str, dict[str, dict[int, float]]] = {name: {} for name in names}
        for some in portions(run_ids, POINT_RUNS):
            query = (
                "SELECT key, run_uuid, step, CASE WHEN is_nan THEN NULL ELSE value END FROM metrics"
                f" WHERE run_uuid IN ({marks(some)}) ORDER BY timestamp"
            )
            for name, run_id, step, value in self._rows(query, some):
                if name in found:
                    found[name].setdefault(run_id, {})[step] = math.nan if value is None else float(value)
        return {
            name: {run_id: sorted(points.items()) for run_id, points in by_run.items()}
            for name, by_run in found.items()
        }

    def _experiments(self, where: str, values: Sequence[Any] = ()) -> list[Experiment]:
        rows = list(self._rows(f"SELECT experiment_id, name, lifecycle_stage FROM experiments WHERE {where}", values))
        tags: dict[int, dict[str, str]] = {}
        for experiment, key, value in self._rows("SELECT experiment_id, key, value FROM experiment_tags"):
            tags.setdefault(experiment, {})[key] = value
        return [Experiment(str(number), name, stage, tags.get(number, {})) for number, name, stage in rows]

    def _infos(self, where: str, values: Sequence[Any]) -> list[RunInfo]:
        """Runs, oldest first, without what was logged to them."""
        query = f"SELECT {RUN_COLUMNS} FROM runs WHERE {where} ORDER BY start_time, run_uuid"
        return [
            RunInfo(run_id, str(experiment), name or "", status, start or 0, end, stage, place or "")
            for run_id, experiment, name, status, start, end, stage, place in self._rows(query, values)
        ]

    def _with_data(self, infos: Sequence[RunInfo]) -> list[Run]:
        """The runs with what was logged to them, of metrics the latest values."""
        run_ids = [info.run_id for info in infos]
        tags = self._by_run("key, value", "tags", run_ids)
        params = self._by_run("key, value", "params", run_ids)
        metrics = self._by_run("key, value, is_nan", "latest_metrics", run_ids)
        return [
            Run(
                info,
                RunData(
                    {key: number(value, is_nan) for key, value, is_nan in metrics.get(info.run_id, [])},
                    {key: value or "" for key, value in params.get(info.run_id, [])},
                    {key: value or "" for key, value in tags.get(info.run_id, [])},
                ),
            )
            for info in infos
        ]

    def _by_run(self, columns: str, table: str, run_ids: Sequence[str]) -> dict[str, list[tuple[Any, ...]]]:
        """Run id → rows of a table."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        for some in portions(run_ids, CHUNK):
            query = f"SELECT run_uuid, {columns} FROM {table} WHERE run_uuid IN ({marks(some)})"
            for run_id, *row in self._rows(query, some):
                found.setdefault(run_id, []).append(tuple(row))
        return found

    def _rows(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        # Opened for writing where that is allowed: only so can SQLite undo what a killed server had half written.
        mode = "rw"
        while True:
            address = f"file:{quote(self.file.as_posix())}?mode={mode}"
            try:
                with closing(sqlite3.connect(address, timeout=BUSY, uri=True)) as database:
                    return database.execute(query, tuple(values)).fetchall()
            except sqlite3.OperationalError:
                if mode == "ro":
                    raise
                mode = "ro"
            except sqlite3.DatabaseError as error:
                raise damaged(error, self.file) from None


def damaged(error: sqlite3.DatabaseError, file: Path) -> Exception:
    """An error of SQLite as ServiceError where the file is no database or a damaged one; others as they are."""
    remedy = "restore it from a backup, or remove it, which removes the record of all trials"
    if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
        return ServiceError("this is not a database", remedy, str(file))
    if error.sqlite_errorcode == sqlite3.SQLITE_CORRUPT:
        return ServiceError("the database is damaged", remedy, str(file))
    return error


def number(value: float, is_nan: bool) -> float:
    """A value as the server returns it."""
    return math.nan if is_nan else float(value)


def marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
