"""A trial leaves pictures of all that there is to see."""

from pathlib import Path

import pytest
import torch

from ablate.data.dataset import Data
from ablate.data_info import DataInfo
from ablate.draw.trial_pictures import drawn, pictures
from ablate.embedding import embedded
from ablate.encoder import Encoder
from ablate.methods import METHODS
from ablate.options import Value
from ablate.paths import StudyPaths
from ablate.trial import Config, Trial

SETTINGS: dict[str, dict[str, Value]] = {
    "beta-vae": {"network": "simvae-mlp", "width": 1, "latent_dim": 4, "augmentation": "none"},
    "vae": {"latent_dim": 4},
    "pca": {"latent_dim": 4},
}


def made(method: str, data: Data, probes: dict[str, dict[str, Value]], folder: Path) -> set[str]:
    """The names of the pictures of an untrained method."""
    one = METHODS[method](**SETTINGS[method])
    generator = torch.Generator().manual_seed(0)
    inputs = data.x.float() * data.scale
    params, state = one.solve(inputs, generator) or one.init(DataInfo(data.shape, len(data.x), 3, 8), generator)
    config = Config(method, one.revision, SETTINGS[method], "digits", "1", {}, 0)
    view = embedded(Encoder(config, {**params, **state}), data)
    paths = StudyPaths(folder).trial(config.key)
    paths.folder.mkdir(parents=True)
    return {file.name for file in pictures(Trial(config, probes, "study"), view, paths) if file.stat().st_size}


def data_of(*shape: int) -> Data:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(60, *shape, generator=generator)
    return Data(x, torch.arange(60) % 3, torch.arange(60) >= 30, 1.0, "train")


def test_a_decoder_shows_what_it_restores_and_draws(tmp_path: Path) -> None:
    found = made("beta-vae", data_of(1, 8, 8), {"nlad": {}}, tmp_path)
    assert {"embedding.png", "reconstructions.png", "samples.png"} <= found
    assert any(name.startswith("nlad-") for name in found)


@pytest.mark.parametrize(("method", "shape"), [("vae", (6,)), ("pca", (1, 8, 8))])
def test_no_picture_is_made_of_what_is_no_image_or_has_no_decoder(
    tmp_path: Path, method: str, shape: tuple[int, ...]
) -> None:
    assert made(method, data_of(*shape), {"knn": {}}, tmp_path) == {"embedding.png"}


def test_drawn_codes_have_the_mean_and_the_spread_of_the_given_ones() -> None:
    """Codes on a line through (1, 2) along (3, 4): so are the draws, with a deviation of 5 along it."""
    along = torch.randn(4000, 1, generator=torch.Generator().manual_seed(0))
    codes = torch.tensor([1.0, 2.0]) + along * torch.tensor([3.0, 4.0])
    new = drawn(codes, 4000, torch.Generator().manual_seed(1)) - torch.tensor([1.0, 2.0])
    torch.testing.assert_close(new[:, 0] * 4, new[:, 1] * 3, atol=2e-3, rtol=0)
    assert float(new.norm(dim=1).square().mean().sqrt()) == pytest.approx(5, rel=0.05)
