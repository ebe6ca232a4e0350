"""Trained encoders: how they are saved, loaded and called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate import tensor_file
from ablate.deferred import torch
from ablate.errors import DamagedFile, DataError
from ablate.methods import METHODS
from ablate.methods.capabilities import Capability, Model, has_capability, row_of
from ablate.methods.method import Method, Tensors
from ablate.options import build
from ablate.trial import Config

if TYPE_CHECKING:
    from torch import Tensor

NO_ENCODER = "not an encoder file, or a damaged one"
REMEDY = "download it again, or delete it to train its trial again"
VALUES = 2**20  # of inputs embedded at a time; convolutions hold about a hundred times as many


@dataclass(frozen=True)
class Encoder(Model):
    """The frozen encoder of one trial; call it on inputs as its data set gives them, scaled to floats.

    What it can do besides embedding, such as `decode`, is listed in `ablate.methods.capabilities`.
    """

    config: Config
    tensors: Tensors  # the parameters and state that the method exports

    @cached_property
    def method(self) -> Method:
        """The method with the trial's settings.  Raises StudyError where it is not registered."""
        return build(METHODS[self.config.method], self.config.settings)

    @property
    def device(self) -> torch.device:
        """The device of the tensors; the CPU where there are none."""
        return next(iter(self.tensors.values())).device if self.tensors else torch.device("cpu")

    @property
    def parameters(self) -> int:
        """The number of learned values; integers and batch norm's running statistics are not learned."""
        from ablate.nets.batchnorm import STATISTICS

        learned = {name: tensor for name, tensor in self.tensors.items() if tensor.is_floating_point()}
        return sum(tensor.numel() for name, tensor in learned.items() if not name.endswith(STATISTICS))

    def __call__(self, inputs: Tensor, scale: float = 1.0) -> Tensor:
        """Inputs (N, ...) → representations (N, D) on the CPU; stored values are multiplied by `scale` first."""
        rows = max(1, VALUES // max(1, inputs[0].numel()))
        parts = (part.to(self.device).float() * scale for part in inputs.split(rows))
        return torch.cat([self.embed(self.unaugmented(part)) for part in parts])

    def unaugmented(self, inputs: Tensor) -> Tensor:
        """Inputs (B, ...) of the data set, as floats → clean inputs (B, ...) as `embed` takes them."""
        return self.method.unaugmented(inputs)

    def embed(self, inputs: Tensor) -> Tensor:
        """Clean inputs or views (B, ...) → representations (B, D) on the CPU."""
        with torch.no_grad():
            return self.method.embed(self.tensors, self.tensors, inputs.to(self.device)).cpu()

    def can(self, capability: Capability) -> bool:
        return has_capability(type(self.method), capability)

    def call(self, function: str, *arguments: Any) -> Any:
        row = row_of(function)
        assert isinstance(self.method, row.kind), f"method '{self.config.method}' has no '{function}'"
        with torch.no_grad():
            if not row.learned:
                return getattr(self.method, function)(*arguments)
            moved = [one.to(self.device) for one in arguments]
            result = getattr(self.method, function)(self.tensors, self.tensors, *moved)
        return tuple(one.cpu() for one in result) if isinstance(result, tuple) else result.cpu()

    def to(self, device: torch.device) -> Encoder:
        """The same encoder with its tensors on a device."""
        return Encoder(self.config, {name: tensor.to(device) for name, tensor in self.tensors.items()})


def save_encoders(path: Path, config: Config, epochs: Mapping[int, Tensors], recorded: int = 0) -> None:
    """Write the encoders of these epochs to one file, atomically: it appears complete or not at all.

    `recorded` is the number of the trial's values that are on the disk already.
    """
    tensors = {epoch: dict(exported) for epoch, exported in epochs.items()}
    content = {"trial": config.to_json(), "epochs": tensors, "recorded": recorded}
    tensor_file.save(path, config.key, content)


def load_encoders(path: Path) -> dict[int, Encoder]:
    """The encoders of a file by epoch, the oldest first.  Raises DataError where it holds none or is damaged."""
    return encoders_in(path, read_file(path))


def load_trained(path: Path, key: str, recorded: int | None = None) -> dict[int, Encoder]:
    """The encoders of the trial with this key, by epoch.

    Raises DamagedFile where the file is damaged or another trial's, or where more of the trial's values were recorded
    before it than there are now: they would be missing in the curves of a trial that is not trained again.
    """
    content = read_file(path)
    encoders = encoders_in(path, content)
    owner = content.get(tensor_file.KEY) or next(iter(encoders.values())).config.key  # version 0.1 wrote no key
    tensor_file.check_key(path, owner, key)
    if recorded is not None:
        tensor_file.check_recorded(path, content.get("recorded", 0), recorded)
    return encoders


def read_file(path: Path) -> dict[str, Any]:
    """The content of an encoder file.  Raises DamagedFile."""
    try:
        return tensor_file.load(path)
    except DamagedFile as error:
        raise DamagedFile(NO_ENCODER, REMEDY, str(path)) from error


def encoders_in(path: Path, content: Mapping[str, Any]) -> dict[int, Encoder]:
    """The encoders of a file's content, by epoch.  Raises DamagedFile where it holds none."""
    try:
        config = Config.from_json(content["trial"])
        encoders = {epoch: Encoder(config, content["epochs"][epoch]) for epoch in sorted(content["epochs"])}
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedFile(NO_ENCODER, REMEDY, str(path)) from error
    if not encoders:
        raise DamagedFile(NO_ENCODER, REMEDY, str(path))
    return encoders


def load_encoder(path: str | Path) -> Encoder:
    """The encoder of a file after its last epoch.  Raises DataError where there is no such file, or a damaged one."""
    if not Path(path).is_file():
        raise DataError("there is no such file", "name the file encoder.pt of a trial, or runs:/<run id>", str(path))
    return list(load_encoders(Path(path)).values())[-1]
