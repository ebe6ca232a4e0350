"""Digests of probes: whether a trial's recorded scores are those that a study requests."""

from collections.abc import Mapping

from ablate.options import Value, hashed, key_names
from ablate.planning.pipeline_revisions import scoring_revision
from ablate.probes import PROBES
from ablate.probes.probe import Probe
from ablate.trial import Trial, digest


def probe_digests(trial: Trial) -> dict[str, str]:
    """Probe → digest of its revision and settings; its scores are measured again where this changes."""
    pipeline = scoring_revision(trial.config.settings)
    return {name: probe_digest(PROBES[name], settings, pipeline) for name, settings in trial.probes.items()}


def probe_digest(probe: type[Probe], settings: Mapping[str, Value], pipeline: str = "") -> str:
    """The digest of one probe; renamed options and those added later are hashed as `ablate.options.option` states.

    `pipeline` is the scoring revision of the method's augmentation, if it has one.
    """
    content = [probe.revision, hashed(settings, key_names(probe, settings))]
    return digest([*content, pipeline] if pipeline else content)
