-- Run once by PostgreSQL's image, when the volume is empty; `mlflow` itself is POSTGRES_DB.
CREATE DATABASE mlflow_auth; -- users and their permissions
CREATE DATABASE optuna; -- what searches have proposed
