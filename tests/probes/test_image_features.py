"""Features of images by both networks, and the errors where Inception's weights are unavailable."""

import socket
from pathlib import Path

import numpy as np
import pytest
import torch

from ablate.errors import DataError, StudyError
from ablate.probes.image_features import extracted, inception, inception_weights, prepared, random_convolutions


def images(samples: int, *shape: int) -> torch.Tensor:
    return torch.rand(samples, *shape, generator=torch.Generator().manual_seed(0))


def test_random_convolutions_do_not_depend_on_the_global_generator() -> None:
    first = extracted("random-conv", [images(3, 3, 8, 8)])
    torch.manual_seed(5)
    before = torch.get_rng_state()
    np.testing.assert_array_equal(extracted("random-conv", [images(3, 3, 8, 8)]), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert first.shape == (3, 256)
    assert (first.std(axis=0) > 0).mean() > 0.9  # nearly every feature varies


def test_random_weights_have_the_variance_of_kaiming_initialization() -> None:
    first, second, _ = (layer for layer in random_convolutions().children() if isinstance(layer, torch.nn.Conv2d))
    assert first.weight.std().item() == pytest.approx((2 / 27) ** 0.5, rel=0.05)  # 3 colours x 9 pixels
    assert second.weight.std().item() == pytest.approx((2 / 576) ** 0.5, rel=0.01)


def test_features_do_not_depend_on_the_batches() -> None:
    whole = images(5, 1, 8, 8)
    np.testing.assert_allclose(extracted("random-conv", whole.split(2)), extracted("random-conv", [whole]), atol=1e-6)


def test_grey_images_become_three_channels_in_minus_one_to_one() -> None:
    grey = torch.tensor([0.0, 1.0, 0.5, 2.0]).reshape(1, 1, 2, 2)
    expected = torch.tensor([[-1.0, 1.0], [0.0, 1.0]]).expand(1, 3, 2, 2)  # values outside [0, 1] are clipped
    torch.testing.assert_close(prepared(grey, side=2), expected)
    assert prepared(grey, side=32).shape == (1, 3, 32, 32)


@pytest.mark.parametrize("shape", [(4, 2, 8, 8), (4, 64)])
def test_inputs_that_are_not_images_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(StudyError, match="are not images of one or three channels; leave the probe fid out"):
        extracted("random-conv", [torch.zeros(shape)])


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the weights in an empty torch cache, without a network connection."""

    def refuse(*_: object, **__: object) -> None:
        raise socket.gaierror(-3, "no network here")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints" / "inception_v3_google-0cc3c7bd.pth"


def test_the_error_for_missing_weights_names_their_file_and_address(cache: Path) -> None:
    with pytest.raises(DataError) as caught:
        inception_weights()
    message = str(caught.value)
    assert message.startswith(
        f"{cache}: Inception's weights could not be loaded from https://download.pytorch.org/models/"
    )
    assert "no network here" in message
    assert message.endswith(
        "copy a complete file there, or set probes.fid.network: random-conv, which is no published FID"
    )


def test_the_error_for_damaged_weights_names_their_file(cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_bytes(b"no weights")
    with pytest.raises(
        DataError, match=f"{cache.name}: Inception's weights could not be loaded .*Weights only load failed"
    ):
        inception_weights()


@pytest.mark.slow
def test_inception_features_are_the_inputs_of_its_last_layer(cache: Path) -> None:
    from torchvision.models import Inception3

    torch.manual_seed(0)
    whole = Inception3(init_weights=False)
    cache.parent.mkdir(parents=True)
    torch.save(whole.state_dict(), cache)  # of the right form; torch checks the digest of downloads only
    shown = prepared(images(2, 3, 32, 32), 299)
    with torch.no_grad():
        features = inception().eval()(shown)
        assert features.shape == (2, 2048)
        torch.testing.assert_close(whole.fc(features), whole.eval()(shown))
