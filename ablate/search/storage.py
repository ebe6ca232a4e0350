"""Where Optuna keeps a search: a journal in the study's folder, or the database that ABLATE_OPTUNA_STORAGE names.

The address is in the environment and not in a study, since it may hold a password; a password may also be where the
database's driver looks for it, as in PGPASSWORD or `~/.pgpass`.
"""

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, get_storage
from optuna.storages.journal import JournalFileBackend

from ablate.errors import ServiceAway, ServiceError

VARIABLE = "ABLATE_OPTUNA_STORAGE"
CONNECT_TIMEOUT = 10  # seconds
AGAIN = 5.0  # seconds before a database that does not answer is asked again
STAYS = re.compile(  # what PostgreSQL says where waiting does not help; it has no code before a user is let in
    r"password authentication failed|no password supplied|does not exist|permission denied|no pg_hba.conf entry"
)
CLOSE: dict[str, Callable[[], None]] = {}  # address → closes its connections
T = TypeVar("T")
logger = logging.getLogger(__name__)


def shared_address() -> str:
    """The address of the database that searches share; empty where each has a journal."""
    return os.environ.get(VARIABLE, "")


def open_storage(journal: Path) -> BaseStorage:
    """The shared database, else this journal.  Raises ServiceAway where the database does not answer."""
    address = shared_address()
    return open_shared(address) if address else open_journal_file(journal)


def open_journal_file(journal: Path) -> BaseStorage:
    return JournalStorage(JournalFileBackend(str(journal)))


@cache
def open_shared(address: str) -> BaseStorage:
    """The database at this address, with Optuna's tables, and with connections that are checked before each use."""
    options = {"connect_args": {"connect_timeout": CONNECT_TIMEOUT}} if address.startswith("postgresql") else {}
    with storage_errors():
        storage = RDBStorage(address, engine_kwargs={"pool_pre_ping": True, **options})
    CLOSE[address] = storage.engine.dispose
    return get_storage(storage)


def close_shared() -> None:
    """Close all connections; they are opened again when they are needed."""
    open_shared.cache_clear()
    for close in CLOSE.values():
        close()
    CLOSE.clear()


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raise ServiceAway or ServiceError in place of what Optuna raises where its database does not do as asked."""
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        yield
    except ArgumentError:  # also for a kind of database that SQLAlchemy does not know
        remedy = "write it as in postgresql://user@host/database"
        raise ServiceError("this is no address of a database", remedy, place()) from None
    except ImportError as error:  # Optuna's text of it has three lines
        cause = error.__cause__ or error.__context__ or error
        raise ServiceError(f"its driver is not installed: {cause}", "pip install 'ablate[server]'", place()) from None
    except (optuna.exceptions.StorageInternalError, SQLAlchemyError) as error:
        raise storage_error(error) from None


def storage_error(error: Exception) -> ServiceError:
    """ServiceAway for what may pass, ServiceError for what stays."""
    cause = error.__cause__ or error
    text = " ".join(str(getattr(cause, "orig", None) or cause).split())
    if STAYS.search(text):
        remedy = "check user, password and database, or have its administrator grant the right"
        return ServiceError(f"the database of searches denies access: {text}", remedy, place())
    remedy = "see whether the database runs; a launch goes on from what it holds"
    return ServiceAway(f"the database of searches does not answer: {text}", remedy, place())


def place() -> str:
    """The variable and its value, without a password; where the value is no address, the variable alone."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return f"{VARIABLE}={make_url(shared_address()).set(query={}).render_as_string(hide_password=True)}"
    except (ArgumentError, ValueError):
        return VARIABLE


def patiently(ask: Callable[[], T], patience: float, stopped: Callable[[], bool] = lambda: False) -> T:
    """The answer to a question that may be asked again; it is, for this many seconds, while the database is away.

    Raises ServiceAway after that, or once `stopped` returns true.
    """
    deadline, told = time.monotonic() + patience, False
    while True:
        try:
            return ask()
        except ServiceAway as error:
            if time.monotonic() >= deadline or stopped():
                raise
            if not told:
                logger.warning("%s; waiting for it, at most %.0f s", error, patience)
                told = True
        time.sleep(AGAIN)  # a server that restarts sends no notice


def names_of(study: str, storage: BaseStorage) -> list[str]:
    """The names of Optuna's studies that belong to a study, in the order in which they were made."""
    with storage_errors():
        found = optuna.get_all_study_names(storage)
    if not shared_address():
        return found  # a journal holds one study's alone, those of former versions by other names too
    return [name for name in found if re.fullmatch(rf"{re.escape(study)}-[0-9a-f]{{8}}", name)]


def forget_shared(study: str) -> None:
    """Remove what the shared database holds of a study's search, if there is such a database."""
    if address := shared_address():
        storage = open_shared(address)
        for name in names_of(study, storage):
            with storage_errors():
                optuna.delete_study(study_name=name, storage=storage)
