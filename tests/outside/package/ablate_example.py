"""A method, a data set, a probe and a target that `ablate` finds through the entry points in pyproject.toml."""

import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ablate.data.dataset import Data, Dataset
from ablate.data_info import DataInfo
from ablate.methods.method import Method, Tensors
from ablate.options import option
from ablate.probes.probe import Embedded, Metrics, Probe
from ablate.submit.target import Job, JobState, TargetOptions


@dataclass(frozen=True)
class LinearAutoencoder(Method):
    """‖x − D E x‖² / dim(x) + λ (‖E‖² + ‖D‖²), for E and D the matrices of encoder and decoder.

    Baldi & Hornik 1989, eq. 2: without the penalty, the optimal D E projects on the data's principal subspace.
    """

    source: ClassVar[str] = "Baldi & Hornik 1989, Neural Networks 2(1), eq. 2"
    logged: ClassVar[tuple[str, ...]] = ("loss", "reconstruction")

    latent_dim: int = option(2, "dimension of the embedding", least=1)
    penalty: float = option(1e-4, "λ, weight of the squared entries of both matrices", least=0)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        inputs = math.prod(info.shape)
        encoder = torch.randn(self.latent_dim, inputs, generator=generator) / inputs**0.5
        decoder = torch.randn(inputs, self.latent_dim, generator=generator) / self.latent_dim**0.5
        return {"encoder.weight": encoder, "decoder.weight": decoder}, {}

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        restored = self.embed(params, state, batch["input"]) @ params["decoder.weight"].T
        reconstruction = (restored - batch["input"].flatten(1)).square().mean()
        norms = params["encoder.weight"].square().sum() + params["decoder.weight"].square().sum()
        loss = reconstruction + self.penalty * norms
        return loss, {"loss": loss, "reconstruction": reconstruction}, state

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return inputs.flatten(1) @ params["encoder.weight"].T


class Rings(Dataset):
    """Points (3,) on two circles of radius 1 and 2 in parallel planes; every fifth point is held out."""

    source = "generated"
    description = "500 points of 3 dimensions on two circles in parallel planes, 2 classes; needs no download"
    shape = (3,)
    classes = 2
    samples = 400

    def read(self, folder: Path) -> Data:
        generator = torch.Generator().manual_seed(0)
        y = torch.arange(500) % 2
        angle = 2 * math.pi * torch.rand(500, generator=generator)
        points = torch.stack([angle.cos() * (1 + y), angle.sin() * (1 + y), y.float()], dim=1)
        x = points + 0.1 * torch.randn(500, 3, generator=generator)
        return Data(x, y, torch.arange(500) % 5 == 0, 1.0, "train")


@dataclass(frozen=True)
class Centroid(Probe):
    """Accuracy of the class whose mean of training features is nearest (Euclidean), on the test split."""

    source: ClassVar[str] = "Tibshirani et al. 2002, PNAS 99(10), without shrinkage"
    metrics: ClassVar[Metrics] = {"accuracy": "maximize"}

    def score(self, embedded: Embedded, seed: int) -> dict[str, float]:
        self.check_embedded(embedded)
        train, test = embedded.train, embedded.test
        classes = np.unique(train.y)
        means = np.stack([train.x[train.y == label].mean(axis=0) for label in classes]).astype(np.float64)
        distances = np.square(test.x[:, None] - means).sum(axis=2)
        return {"accuracy": float((classes[distances.argmin(axis=1)] == test.y).mean())}


class BackgroundOptions(TargetOptions):
    niceness: int = 10


@dataclass(frozen=True)
class Background:
    """Runs a study as a process of this machine, which goes on when its terminal is closed; the job's id is its PID."""

    Options: ClassVar[type[TargetOptions]] = BackgroundOptions
    options: BackgroundOptions

    def render(self, job: Job) -> str:
        return f"nice -n {self.options.niceness} ablate launch {job.folder / 'submitted.yaml'}\n"

    def submit(self, job: Job) -> str:
        (job.folder / "submitted.yaml").write_text(job.study, encoding="utf-8")
        launch = [sys.executable, "-P", "-m", "ablate", "launch", job.folder / "submitted.yaml"]
        with (job.folder / "background.log").open("wb") as log:
            process = subprocess.Popen(
                ["nice", "-n", str(self.options.niceness), *launch],
                env={**os.environ, "ABLATE_STORE": str(job.store)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return str(process.pid)

    def state(self, job_id: str) -> JobState:
        """How it ended is known to MLflow alone."""
        return JobState.RUNNING if Path("/proc", job_id).exists() else JobState.UNKNOWN

    def exit_code(self, job_id: str) -> None:
        """None: this package keeps no process of its own that could ask for it."""

    def logs(self, job_id: str, folder: Path, follow: bool) -> Iterator[str]:
        yield (folder / "background.log").read_text(encoding="utf-8")

    def stop(self, job_id: str, folder: Path) -> None:
        os.kill(int(job_id), signal.SIGTERM)
