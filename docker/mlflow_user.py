"""Adds the user that jobs record with to MLflow's database of users, then runs a command: mlflow_user.py COMMAND...

MLFLOW_USER_NAME and MLFLOW_USER_PASSWORD are kept from the command.  A user who is there gets this password.  The user
is no administrator: owns the experiments that jobs make, and reads those of others.
"""

import os
import sys

from mlflow.server.auth.config import read_auth_config
from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore


def keep_user(name: str, password: str) -> None:
    """Add the user, or set the user's password."""
    users = SqlAlchemyStore()
    users.init_db(read_auth_config().database_uri)
    if users.has_user(name):
        users.update_user(name, password)
    else:
        users.create_user(name, password)


if __name__ == "__main__":
    keep_user(os.environ.pop("MLFLOW_USER_NAME"), os.environ.pop("MLFLOW_USER_PASSWORD"))
    os.execvp(sys.argv[1], sys.argv[1:])
