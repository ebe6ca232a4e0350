"""The pictures of a trial."""

from pathlib import Path

import pytest
import torch

from ablate.data.dataset import Data
from ablate.data_info import DataInfo
from ablate.draw.trial_pictures import sample_codes, trial_pictures
from ablate.embedding import embed_splits
from ablate.encoder import Encoder
from ablate.methods import METHODS
from ablate.options import Value
from ablate.trial import Config, Trial

SETTINGS: dict[str, dict[str, Value]] = {
    "beta-vae": {"network": "simvae-mlp", "width": 1, "latent_dim": 4, "augmentation": "none"},
    "vae": {"latent_dim": 4},
    "pca": {"latent_dim": 4},
}


def pictures_of(method: str, data: Data, probes: dict[str, dict[str, Value]], folder: Path) -> set[str]:
    """The file names of the pictures of an untrained method."""
    untrained = METHODS[method](**SETTINGS[method])
    generator = torch.Generator().manual_seed(0)
    inputs = data.x.float() * data.scale
    params, state = untrained.solve(inputs, generator) or untrained.init(
        DataInfo(data.shape, len(data.x), 3, 8), generator
    )
    config = Config(method, untrained.revision, SETTINGS[method], "digits", "1", {}, 0)
    view = embed_splits(Encoder(config, {**params, **state}), data)
    files = trial_pictures(Trial(config, probes, "study"), view, folder)
    return {file.name for file in files if file.stat().st_size}


def data_of(*shape: int) -> Data:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(60, *shape, generator=generator)
    return Data(x, torch.arange(60) % 3, torch.arange(60) >= 30, 1.0, "train")


def test_a_method_with_a_decoder_has_reconstructions_and_samples(tmp_path: Path) -> None:
    found = pictures_of("beta-vae", data_of(1, 8, 8), {"nlad": {}}, tmp_path)
    assert {"embedding.png", "reconstructions.png", "samples.png"} <= found
    assert any(name.startswith("nlad-") for name in found)


@pytest.mark.parametrize(("method", "shape"), [("vae", (6,)), ("pca", (1, 8, 8))])
def test_vectors_and_methods_without_a_decoder_have_no_reconstructions(
    tmp_path: Path, method: str, shape: tuple[int, ...]
) -> None:
    assert pictures_of(method, data_of(*shape), {"knn": {}}, tmp_path) == {"embedding.png"}


def test_sampled_codes_have_the_mean_and_the_covariance_of_the_given_ones() -> None:
    """Codes on a line through (1, 2) along (3, 4): so are the samples, with a standard deviation of 5 along it."""
    along = torch.randn(4000, 1, generator=torch.Generator().manual_seed(0))
    codes = torch.tensor([1.0, 2.0]) + along * torch.tensor([3.0, 4.0])
    new = sample_codes(codes, 4000, torch.Generator().manual_seed(1)) - torch.tensor([1.0, 2.0])
    torch.testing.assert_close(new[:, 0] * 4, new[:, 1] * 3, atol=2e-3, rtol=0)
    assert float(new.norm(dim=1).square().mean().sqrt()) == pytest.approx(5, rel=0.05)
