"""Sets again the tags by which runs are found, where a person has removed them in MLflow's pages."""

from collections.abc import Iterable

from ablate.track import tags
from ablate.track.client_interface import Client
from ablate.track.entities import Run
from ablate.track.mlflow_runs import kind_of
from ablate.track.store import Snapshot


def restore_tags(client: Client, runs: Iterable[Run], snapshot: Snapshot) -> None:
    """Set what a study's runs lack, as far as their other tags or their trials tell it."""
    variants = {run.run_id: run.variant for run in snapshot.variants}
    for run in runs:
        kind = kind_of(run)
        wanted = {tags.KIND: kind, tags.STUDY: snapshot.study} if kind in ("study", "variant", "trial") else {}
        trial = tags.trial_of_tags(run.data.tags) if kind == "trial" else None
        if trial is not None:
            wanted |= tags.identity(trial)
        if kind == "variant" and run.info.run_id in variants:
            wanted[tags.VARIANT] = variants[run.info.run_id]
        lost = {name: value for name, value in wanted.items() if name not in run.data.tags}
        if lost:
            client.log_batch(run.info.run_id, tags=lost)
