"""The trials of tracking.py as Ray Tune's documentation writes them: a function trainable and MLflowLoggerCallback.

python benchmarks/callback.py http://127.0.0.1:5000 EXPERIMENT TRIALS
"""

import logging
import sys
import tempfile
from typing import Any

import ray
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback


def train(config: dict[str, Any]) -> None:
    for epoch in range(10):
        loss = config["height"] - epoch / 10
        tune.report({"loss": loss, **{f"loss/{share}": loss / share for share in (2, 3, 4, 5)}})


def main() -> None:
    uri, experiment, trials = sys.argv[1:]
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(train, {"cpu": 1}),
            param_space={"height": tune.grid_search([float(height) for height in range(int(trials))])},
            run_config=tune.RunConfig(
                storage_path=folder, verbose=0, callbacks=[MLflowLoggerCallback(uri, experiment_name=experiment)]
            ),
        )
        tuner.fit()
    ray.shutdown()


if __name__ == "__main__":
    main()
