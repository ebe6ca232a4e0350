"""A pipeline whose images have changed moves the keys and digests of the trials that use it, and no others."""

from collections.abc import Mapping
from dataclasses import replace

from ablate.augment import PIPELINES
from ablate.methods.classical import PCA
from ablate.methods.vae import VAE
from ablate.options import Value
from ablate.planning.pipeline_revisions import SCORING, TRAINING, revision
from ablate.planning.probe_digests import probe_digests
from ablate.planning.resolve import resolve_config
from ablate.trial import Trial, digest


def vae(augmentation: str) -> Trial:
    given: Mapping[str, Value] = {"method.augmentation": augmentation}
    return Trial(resolve_config("vae", "stl10", given, seed=0), {"knn": {}}, "study")


def test_every_revision_is_that_of_a_pipeline() -> None:
    assert set(TRAINING) | set(SCORING) <= set(PIPELINES)


def test_a_pipeline_whose_views_have_changed_moves_the_key() -> None:
    changed = vae("normalized-stl10").config
    assert changed.revision == "1+normalized-stl10=2"
    assert changed.key != replace(changed, revision=VAE.revision).key


def test_other_pipelines_and_methods_without_one_keep_their_revision() -> None:
    assert vae("simclr-stl10").config.revision == vae("none").config.revision == VAE.revision
    assert revision(PCA, {"latent_dim": 10}) == PCA.revision


def test_a_pipeline_whose_evaluation_has_changed_is_scored_again_only() -> None:
    before = {"knn": digest(["1", {}])}
    assert probe_digests(vae("simclr-cifar10")) == probe_digests(vae("normalized-stl10")) == before
    assert probe_digests(vae("simclr-stl10")) != before
