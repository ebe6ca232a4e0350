"""The experiment of a study: one of its name, or one that holds its runs, since experiments can be renamed."""

from ablate.track import tags
from ablate.track.client_interface import Client, Reader
from ablate.track.entities import Experiment


def find_experiment(reader: Reader, study: str) -> Experiment | None:
    """The study's experiment, which may be deleted; None where there is none."""
    named = reader.get_experiment_by_name(study)
    if named is not None and named.lifecycle_stage == "active":
        return named
    return renamed_experiment(reader, study) or named


def renamed_experiment(reader: Reader, study: str) -> Experiment | None:
    """The active experiment that holds runs of the study."""
    active = {experiment.experiment_id: experiment for experiment in reader.list_experiments()}
    if not active:
        return None
    first = next(reader.run_pages(list(active), {tags.STUDY: study}, size=1), [])
    return active.get(first[0].info.experiment_id) if first else None


def experiment_id(client: Client, study: str) -> str:
    """The id of the study's experiment: found, restored if it was deleted, or made.

    Several processes may call this at once.
    """
    found = find_experiment(client, study)
    if found is None:
        try:
            return client.create_experiment(study)
        except Exception:  # raised again, unless another process has made it meanwhile
            found = client.get_experiment_by_name(study)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found.experiment_id
