"""Repairs Optuna's journal after a damaged disk, a full one, or a kill in the middle of a line.

Optuna stops at the first line that it cannot read.  Here every line that can be read is used.  A trial's number is the
number of creations before it, so a creation that is lost is put back where later lines refer to its trial; whatever
else was lost of that trial leaves it incomplete, and it counts as failed.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from optuna.distributions import json_to_distribution

from ablate.atomic_write import write_bytes

CREATE_STUDY, CREATE_TRIAL, SET_PARAM, SET_STATE = 0, 4, 5, 6  # Optuna's numbers of operations
OF_STUDY = {1, 2, 3, 4}  # operations that name a study
OF_TRIAL = {5, 6, 7, 8, 9}  # and those that name a trial
NEEDED: Mapping[int, tuple[str, ...]] = {
    CREATE_STUDY: ("study_name", "directions"),
    CREATE_TRIAL: ("datetime_start",),
    SET_PARAM: ("param_name", "param_value_internal", "distribution"),
    SET_STATE: ("state", "values"),
}
Record = dict[str, Any]


def repair(journal: Path, study_name: str, directions: list[int]) -> int:
    """Rewrite a damaged journal, and append the damaged lines to `search.log.damaged`; how many there were.

    Only the process that holds the study's lock may call this.
    """
    content = journal.read_bytes() if journal.exists() else b""
    kept, damaged = readable(content, study_name, directions)
    if not damaged:
        return 0
    with journal.with_name(f"{journal.name}.damaged").open("ab") as aside:
        aside.writelines(line.rstrip(b"\n") + b"\n" for line in damaged)
    write_bytes(journal, kept)
    return len(damaged)


def readable(content: bytes, study_name: str, directions: list[int]) -> tuple[bytes, list[bytes]]:
    """The journal that can be made of the lines that can be read, and the other lines.

    A first line that is lost was the creation of a study: it is taken to be the one of this name and directions.
    """
    lines = content.splitlines(keepends=True)
    records = [parsed(line) for line in lines]
    damaged = [line for line, record in zip(lines, records, strict=True) if record is None]
    if not damaged:
        return content, []
    whole = [record for record in records if record is not None]
    complete = completed(whole, study_name, directions)
    return b"".join(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in complete), damaged


def parsed(line: bytes) -> Record | None:
    """The record in a line of the journal; None where Optuna could not apply it."""
    try:
        record = json.loads(line)
        number = record["op_code"]
        wanted = ("worker_id", *NEEDED.get(number, ()), *(["study_id"] if number in OF_STUDY else []))
        wanted = (*wanted, *(["trial_id"] if number in OF_TRIAL else []))
        if not line.endswith(b"\n") or number not in range(10) or any(name not in record for name in wanted):
            return None
        if number == SET_PARAM:
            json_to_distribution(record["distribution"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return dict(record)


def completed(records: list[Record], study_name: str, directions: list[int]) -> Iterator[Record]:
    """The records, with the creations of studies and trials that later records refer to and that are lost."""
    names = {record["study_name"] for record in records if record["op_code"] == CREATE_STUDY}
    studies = trials = 0
    study = 0  # of the last trial that was created
    for record in records:
        number, worker = record["op_code"], record["worker_id"]
        while number in OF_STUDY and studies <= record["study_id"]:
            name = f"lost-{studies}" if study_name in names else study_name
            names.add(name)
            yield {"op_code": CREATE_STUDY, "worker_id": worker, "study_name": name, "directions": directions}
            studies += 1
        while number in OF_TRIAL and trials <= record["trial_id"]:
            yield {"op_code": CREATE_TRIAL, "worker_id": worker, "study_id": study, "datetime_start": None}
            trials += 1
        studies += number == CREATE_STUDY
        if number == CREATE_TRIAL:
            trials += 1
            study = record["study_id"]
        yield record
