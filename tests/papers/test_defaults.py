"""The defaults of papers name settings that exist, and hold for the methods and data sets that they name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ablate.data import DATASETS
from ablate.errors import StudyError
from ablate.methods import METHODS
from ablate.papers import PAPERS
from ablate.papers.defaults import Block, paper_defaults, read_defaults
from ablate.planning.resolve import resolve
from ablate.probes import PROBES
from ablate.study.coercion import coerce, options_by_name
from ablate.study.read import read_study
from ablate.train.recipe import Recipe

STUDY = """
question: Which one?
defaults: simvae
axes: {method: [vae, simvae], dataset: [mnist, cifar10]}
fixed: {training.epochs: 3}
seeds: 1
probes: [linear, mlp]
metric: linear/accuracy
"""


def blocks() -> Iterator[Block]:
    for paper in PAPERS.values():
        yield from read_defaults(paper.package, paper.prefix)


def owners(block: Block, section: str) -> list[type]:
    """The classes of which each has the settings of a section in this block; a method's are of named methods."""
    if section == "training":
        return [Recipe]
    if section.startswith("probes."):
        return [PROBES[section.removeprefix("probes.")]]
    assert block.methods
    return [METHODS[name] for name in block.methods]


@pytest.mark.parametrize("block", list(blocks()), ids=str)
def test_every_method_of_a_block_has_its_settings(block: Block) -> None:
    assert set(block.datasets) <= set(DATASETS)
    for path, value in block.settings.items():
        section, _, name = path.rpartition(".")
        for owner in owners(block, section):
            assert coerce(options_by_name(owner)[name], value, path) == value


def test_later_blocks_come_first_and_probes_of_every_count_have_the_settings() -> None:
    cifar, stl = (paper_defaults("vte", "avt", name, ["knn-500", "knn"]) for name in ("cifar10", "stl10-32"))
    assert (cifar["training.batch_size"], "training.batch_size" in stl) == (256, False)
    assert {path for path in cifar if path.startswith("probes.")} == {"probes.knn-500.passes", "probes.knn.passes"}
    simvae = {name: paper_defaults("simvae", "vae", name, []) for name in ("mnist", "celeba", "digits")}
    assert [one.get("method.latent_dim") for one in simvae.values()] == [10, 64, None]


def test_a_paper_without_such_a_file_sets_nothing() -> None:
    assert read_defaults("ablate.methods", "simvae") == ()


def test_a_case_takes_the_settings_of_a_paper_for_each_of_its_methods_and_data_sets(tmp_path: Path) -> None:
    (tmp_path / "which.yaml").write_text(STUDY)
    trials = resolve(read_study(tmp_path / "which.yaml"))
    codes = {(one.config.method, one.config.dataset): one.config.settings["latent_dim"] for one in trials}
    assert codes == {("vae", "mnist"): 10, ("vae", "cifar10"): 64, ("simvae", "mnist"): 10, ("simvae", "cifar10"): 64}
    assert {(one.config.training["epochs"], one.probes["linear"]["epochs"]) for one in trials} == {(3, 200)}


def test_a_paper_that_does_not_exist_is_refused_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "which.yaml").write_text(STUDY.replace("simvae\n", "simvea\n", 1))
    with pytest.raises(StudyError, match=r"which.yaml:3:11: no paper is called 'simvea'; did you mean 'simvae'\?"):
        resolve(read_study(tmp_path / "which.yaml"))
