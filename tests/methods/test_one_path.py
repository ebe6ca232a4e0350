"""What training and probes see of an image is the same, for every pipeline and the shape of every data set."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from ablate.augment import PIPELINES, pipeline
from ablate.data import DATASETS
from ablate.data.dataset import Data
from ablate.data_info import DataInfo
from ablate.embedding import embed_splits
from ablate.encoder import Encoder
from ablate.errors import StudyError
from ablate.methods import encoder_decoder
from ablate.methods.autoencoders import Autoencoder
from ablate.methods.avt import AVT
from ablate.methods.method import Method, Tensors, within
from ablate.methods.parts import through
from ablate.methods.supervised import Supervised
from ablate.methods.vae import VAE
from ablate.nets.functional import apply
from ablate.options import build
from ablate.probes.density import Density
from ablate.probes.linear import Linear
from ablate.probes.probe import Embedded, Probe
from ablate.probes.reconstruction import Reconstruction
from ablate.probes.similarity import Similarity
from ablate.trial import Config

VAE_ON_STL = {"augmentation": "normalized-stl10", "network": "simvae-mlp", "width": 1, "latent_dim": 2}


def fits(name: str, shape: tuple[int, ...]) -> bool:
    try:
        pipeline(name).check(shape)
    except StudyError:
        return False
    return True


SHAPES = sorted({DATASETS[name].shape for name in DATASETS}, key=str)
FITTING = [(name, shape) for name in sorted(PIPELINES) for shape in SHAPES if fits(name, shape)]
every_pipeline_and_shape = pytest.mark.parametrize(("name", "shape"), FITTING)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@every_pipeline_and_shape
def test_clean_inputs_have_the_shape_of_views_and_equal_them_without_transforms(
    name: str, shape: tuple[int, ...]
) -> None:
    x = torch.rand(2, *shape, generator=generator(1))
    view, clean = pipeline(name).view(x, generator()), pipeline(name).clean(x)
    assert view.shape == clean.shape
    if not pipeline(name).transforms:
        assert torch.equal(view, clean)


def trained_on(method: Method, params: Tensors, state: Tensors, x: Tensor) -> Tensor:
    """What the encoder computes, in evaluation mode, of the views that a training step draws."""
    noise = method.draw({"input": x}, generator())
    match method:
        case Autoencoder():
            seen, _ = method.pairs.make({"input": x}, noise)
            return method.networks.encode(params, state, seen, training=False)[0]
        case Supervised():
            own = within(params, "encoder."), within(state, "encoder.")
            return apply(method.encoder(tuple(noise["view"].shape[2:])), *own, noise["view"][0], training=False)[0]
        case AVT():
            structure = method.structure(tuple(x.shape[1:]))
            return through(structure, "encoder", params, state, noise["view"][0], training=False)[0].chunk(2, 1)[0]
        case _:
            raise AssertionError(method)


@every_pipeline_and_shape
@pytest.mark.parametrize("family", ["autoencoder", "image encoder", "equivariant"])
def test_a_probe_that_draws_the_views_of_training_embeds_what_training_sees(
    family: str, name: str, shape: tuple[int, ...]
) -> None:
    if family != "autoencoder" and (len(shape) != 3 or min(shape[1:]) < 16):
        pytest.skip("networks of images")
    method: Autoencoder | Supervised | AVT = {
        "autoencoder": Autoencoder(
            latent_dim=2, augmentation=name, network="simvae-mlp" if len(shape) == 3 else "mlp", width=1
        ),
        "image encoder": Supervised(network="simvae-mlp", width=1, latent_dim=2, augmentation=name),
        "equivariant": AVT(width=8, latent_dim=2, hidden=4, augmentation=name),
    }[family]
    x = torch.rand(2, *shape, generator=generator(1))
    params, state = method.init(DataInfo(shape, 20, 2, 2), generator())
    embedded = method.embed(params, state, method.view(x, generator()))
    torch.testing.assert_close(embedded, trained_on(method, params, state, x))


@pytest.fixture
def columns() -> Data:
    """Images of STL-10's size whose pixels are twice their column's number, some of them for the test."""
    x = (2 * torch.arange(96, dtype=torch.uint8)).expand(8, 3, 96, 96)
    return Data(x, torch.arange(8) % 2, torch.arange(8) >= 4, 1 / 255, "train")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """The inputs that encoders of autoencoders receive, in columns, from now on."""
    received: list[Tensor] = []

    def noted(structure: object, part: str, *arguments: object, **options: bool) -> object:
        if part == "encoder":
            assert isinstance(arguments[2], Tensor)
            received.append(pipeline("normalized-stl10").restore(arguments[2]) * 255 / 2)
        return through(structure, part, *arguments, **options)  # type: ignore[arg-type]  # as they were passed

    monkeypatch.setattr(encoder_decoder, "through", noted)
    return received


def embedded(data: Data) -> Embedded:
    """The columns, embedded by a VAE that is not trained."""
    method = build(VAE, VAE_ON_STL)
    params, state = method.init(DataInfo((3, 96, 96), 4, 2, 2), generator())
    config = Config("vae", "1", VAE_ON_STL, "stl10", "1", {}, 0)
    return embed_splits(Encoder(config, {**params, **state}), data)


def probes() -> Iterator[Probe]:
    yield Similarity(images=2, views=2)
    yield Density(importance_samples=1)
    yield Reconstruction()


def test_training_and_probes_see_stl_images_enlarged_once(columns: Data, seen: list[Tensor]) -> None:
    """Of 105 enlarged pixels, 4 to 99 are kept; pixel 4 lies at column 4.5 * 96 / 105 - 0.5 = 3.6, pixel 99 at 90.5."""
    method = build(VAE, VAE_ON_STL)
    x = columns.x[:2] / 255
    inputs, target = method.pairs.make({"input": x}, method.draw({"input": x}, generator()))
    assert torch.equal(inputs, target)
    view = embedded(columns)
    for probe in probes():
        probe.score(view, 0)
    assert len(seen) == 4  # the data set, then one batch of each probe
    for images in [*seen, pipeline("normalized-stl10").restore(inputs) * 255 / 2]:
        first, last = images[..., 0], images[..., -1]
        torch.testing.assert_close(first, torch.full_like(first, 4.5 * 96 / 105 - 0.5), atol=1e-3, rtol=0)
        torch.testing.assert_close(last, torch.full_like(last, 99.5 * 96 / 105 - 0.5), atol=1e-3, rtol=0)


def test_reconstructions_are_compared_with_the_images_that_the_encoder_saw(columns: Data) -> None:
    view = embedded(columns)
    assert view.evaluation.inputs is not None
    shown = 255 / 2 * view.evaluation.inputs.batch(torch.arange(2))
    first = shown[..., 0]
    torch.testing.assert_close(first, torch.full_like(first, 4.5 * 96 / 105 - 0.5), atol=1e-3, rtol=0)


def test_the_views_of_a_linear_probe_are_not_enlarged(columns: Data, seen: list[Tensor]) -> None:
    """A shifted crop with reflected borders holds whole columns, from 0 or 95 on one side; resizing would mix them."""
    view = embedded(columns)
    seen.clear()
    Linear(augmentation="crop-flip-reflect", epochs=3).score(view, 0)
    assert len(seen) == 3
    for images in seen:
        torch.testing.assert_close(images, images.round(), atol=1e-3, rtol=0)
