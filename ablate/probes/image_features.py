"""Features of images for the Fréchet distance, by Inception v3 or by random convolutions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Literal

from ablate.deferred import F, nn, np, torch
from ablate.errors import DataError, StudyError
from ablate.probes.inputs import fastest
from ablate.probes.weights import Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

ImageNetwork = Literal["inception", "random-conv"]

INCEPTION = Weights(
    what="Inception's weights",
    address="https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",
    sha256="0cc3c7bd",
    remedy="copy a complete file there, or set probes.fid.network: random-conv, which is no published FID",
)
WIDTHS = (64, 128, 256)  # of the random network's convolutions
SIDES: dict[ImageNetwork, int] = {"inception": 299, "random-conv": 32}  # pixels, height and width of the input


def extracted(name: ImageNetwork, images: Iterable[Tensor]) -> NDArray[np.float64]:
    """Batches of images (B, C, H, W) in [0, 1] → features (N, D): D = 2048 of Inception, 256 of random convolutions.

    Raises StudyError where inputs are not grey or colour images, DataError where Inception's weights are unavailable.
    """
    device = fastest()
    network = (inception() if name == "inception" else random_convolutions()).to(device).eval()
    with torch.no_grad():
        parts = [network(prepared(batch.to(device), SIDES[name])).double().cpu() for batch in images]
    found: NDArray[np.float64] = torch.cat(parts).numpy()
    return found


def prepared(images: Tensor, side: int) -> Tensor:
    """Images in [0, 1] → (B, 3, side, side) in [-1, 1], as both networks expect them."""
    if images.dim() != 4 or images.shape[1] not in (1, 3):
        shape = " x ".join(map(str, images.shape[1:]))
        raise StudyError(f"inputs of {shape} are not images of one or three channels", "leave the probe fid out")
    resized = F.interpolate(images.clamp(0, 1), (side, side), mode="bilinear", antialias=True)
    return 2 * resized.expand(-1, 3, -1, -1) - 1


def random_convolutions() -> nn.Module:
    """Three strided convolutions with fixed random weights (He et al. 2015), and global average pooling: (B, 256)."""
    generator = torch.Generator().manual_seed(0)
    layers: list[nn.Module] = []
    for inputs, outputs in zip((3, *WIDTHS), WIDTHS, strict=False):
        layer = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False, device="meta").to_empty(device="cpu")
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def inception() -> nn.Module:
    """Inception v3 (Szegedy et al. 2016) with torchvision's weights, up to its pooled features (B, 2048)."""
    from torchvision.models import Inception3

    network = Inception3(init_weights=False)  # for images in [-1, 1], as its weights were trained
    network.load_state_dict(inception_weights())
    network.AuxLogits, network.fc = None, nn.Identity()
    module: nn.Module = network
    return module


def inception_weights() -> dict[str, Tensor]:
    """The weights from torch's cache, else downloaded and compared with the checksum in their name.

    Raises DataError where they cannot be downloaded, or where the cached file is damaged.
    """
    from torchvision.models import Inception_V3_Weights

    address = Inception_V3_Weights.IMAGENET1K_V1.url
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(address).name
    try:
        weights: dict[str, Tensor] = torch.hub.load_state_dict_from_url(
            address, map_location="cpu", progress=False, check_hash=True, weights_only=True
        )
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:  # no network, no space, or a damaged file
        reason = str(getattr(error, "reason", error)).splitlines()[0]
        problem = f"Inception's weights could not be loaded from {address} ({reason})"
        remedy = "copy a complete file there, or set probes.fid.network: random-conv, which is no published FID"
        raise DataError(problem, remedy, str(file)) from error
    return weights
