"""Revisions of augmentation pipelines: what has changed in them, so that only the trials that use them run again.

They stand apart from the pipelines, because keys are computed without torch.
"""

from collections.abc import Mapping

from ablate.methods.method import Method
from ablate.options import Value

TRAINING: Mapping[str, str] = {"normalized-stl10": "2"}  # what training sees; 2: views are enlarged as clean images are
SCORING: Mapping[str, str] = {"simclr-stl10": "2"}  # what probes see; 2: their views are no longer enlarged


def revision(method: type[Method], settings: Mapping[str, Value]) -> str:
    """The revision of a trial's results: the method's, and its pipeline's where there is one."""
    return "+".join([method.revision, *_of_pipeline(TRAINING, settings)])


def scoring_revision(settings: Mapping[str, Value]) -> str:
    """The revision of what probes see of a method with these settings; empty where it has never changed."""
    return "".join(_of_pipeline(SCORING, settings))


def _of_pipeline(revisions: Mapping[str, str], settings: Mapping[str, Value]) -> list[str]:
    name = str(settings.get("augmentation"))
    return [f"{name}={revisions[name]}"] if name in revisions else []
