"""A trained encoder as a file: what the probes look through, and what people load to use it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ablate.errors import DataError
from ablate.methods import METHODS
from ablate.methods.capabilities import (
    Augmenting,
    Capability,
    Classifying,
    Dense,
    Generative,
    Stochastic,
    has_capability,
)
from ablate.methods.method import Method, Tensors
from ablate.nets.batchnorm import STATISTICS
from ablate.options import build
from ablate.trial import Config

VALUES = 2**20  # of inputs embedded at a time: convolutions make a hundred times as many of them


@dataclass(frozen=True)
class Encoder:
    """The frozen encoder of one trial; call it on inputs as its data set gives them, scaled to floats."""

    config: Config
    tensors: Tensors  # parameters and state that `Method.embed` needs

    @cached_property
    def method(self) -> Method:
        return build(METHODS[self.config.method], self.config.settings)

    @property
    def device(self) -> torch.device:
        return next(iter(self.tensors.values())).device if self.tensors else torch.device("cpu")

    @property
    def parameters(self) -> int:
        """How many learned numbers are kept; whole numbers and what batch norm has seen are not learned."""
        learned = {name: tensor for name, tensor in self.tensors.items() if tensor.is_floating_point()}
        return sum(tensor.numel() for name, tensor in learned.items() if not name.endswith(STATISTICS))

    def __call__(self, inputs: Tensor, scale: float = 1.0) -> Tensor:
        """Inputs (N, ...) → representations (N, D) on the CPU; `scale` turns stored values into inputs."""
        rows = max(1, VALUES // max(1, inputs[0].numel()))
        return torch.cat([self.embed(part.float() * scale) for part in inputs.split(rows)])

    @torch.no_grad()
    def embed(self, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) → representations (B, D)."""
        return self.method.embed(self.tensors, self.tensors, inputs.to(self.device)).cpu()

    def can(self, role: Capability) -> bool:
        """Whether the method can do more than embed: what follows are the roles of `ablate.methods.capabilities`."""
        return has_capability(type(self.method), role)

    @torch.no_grad()
    def posterior(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        assert isinstance(self.method, Stochastic)
        mean, log_variance = self.method.posterior(self.tensors, self.tensors, inputs.to(self.device))
        return mean.cpu(), log_variance.cpu()

    @torch.no_grad()
    def code(self, inputs: Tensor) -> Tensor:
        assert isinstance(self.method, Generative)
        return self.method.code(self.tensors, self.tensors, inputs.to(self.device)).cpu()

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        assert isinstance(self.method, Generative)
        return self.method.decode(self.tensors, self.tensors, codes.to(self.device)).cpu()

    @torch.no_grad()
    def log_likelihood(self, inputs: Tensor, codes: Tensor) -> Tensor:
        assert isinstance(self.method, Dense)
        both = inputs.to(self.device), codes.to(self.device)
        return self.method.log_likelihood(self.tensors, self.tensors, *both).cpu()

    @torch.no_grad()
    def view(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        assert isinstance(self.method, Augmenting)
        return self.method.view(inputs, generator)

    @torch.no_grad()
    def predict(self, inputs: Tensor) -> Tensor:
        assert isinstance(self.method, Classifying)
        return self.method.predict(self.tensors, self.tensors, inputs.to(self.device)).cpu()

    def to(self, device: torch.device) -> "Encoder":
        return Encoder(self.config, {name: tensor.to(device) for name, tensor in self.tensors.items()})


def save_encoders(path: Path, config: Config, epochs: Mapping[int, Tensors]) -> None:
    """Write the encoder after each of these epochs; the file appears whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        content = {"trial": config.to_json(), "epochs": {epoch: dict(tensors) for epoch, tensors in epochs.items()}}
        torch.save(content, file)
    part.replace(path)


def load_encoders(path: Path) -> dict[int, Encoder]:
    """The encoders of a file by epoch, the oldest first.  Raises DataError where the file is no such thing."""
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        config = Config.from_json(content["trial"])
        return {epoch: Encoder(config, content["epochs"][epoch]) for epoch in sorted(content["epochs"])}
    except Exception as error:  # whatever a damaged archive makes torch raise
        remedy = "download it again, or delete it to train its trial again"
        raise DataError("this is no encoder, or a damaged one", remedy, str(path)) from error


def load_encoder(source: str | Path) -> Encoder:
    """The encoder of a file, or of a finished run in MLflow (`runs:/<run id>`), after its last epoch."""
    path = download(str(source)) if str(source).startswith("runs:/") else Path(source)
    if not path.is_file():
        raise DataError(
            "there is no such encoder", "name the file encoder.pt of a trial, or runs:/<run id>", str(source)
        )
    return list(load_encoders(path).values())[-1]


def download(run: str) -> Path:
    """Fetch `encoder.pt` of a run from the MLflow server that MLFLOW_TRACKING_URI names."""
    import mlflow.artifacts

    return Path(mlflow.artifacts.download_artifacts(f"{run.rstrip('/')}/encoder.pt"))
