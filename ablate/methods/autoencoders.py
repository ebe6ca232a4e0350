"""Autoencoders: plain, sparse and denoising; the variational and the adversarial ones build on the plain one."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ablate.augment import pipeline
from ablate.augment.pipeline import Pipeline
from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods.backbone import FLAT, NORMALIZED, RESNETS, backbone, check_backbone, feature_dim
from ablate.methods.capabilities import Augmenting, Generative
from ablate.methods.limits import check_batchnorm
from ablate.methods.method import Method, Tensors
from ablate.methods.mirror import check_mirror, mirror
from ablate.methods.parts import joined, through
from ablate.nets.heads import projection
from ablate.nets.init import draw
from ablate.options import Value, option

TINY = 1e-12  # keeps logarithms of vanishing activations finite


@dataclass(frozen=True)
class Autoencoder(Method, Generative, Augmenting):
    """Mean of (x − d(e(x)))² over the batch and the inputs' dimensions; the features are the code e(x).

    A ResNet's features are its pooled maps h, from which a projection makes the code (Falcon et al. 2021).  Where
    there is an augmentation, the encoder sees a view x⁺ of x, and gives back x, or the view where it is the target.
    """

    source: ClassVar[str] = "Hinton & Salakhutdinov 2006, Science 313; as a baseline of Ntelemis et al. 2022, IV-A"
    exported: ClassVar[str] = ""  # the decoder too, which shows what the codes hold
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = {  # texts are not bounded: their output stays linear
        "emnist-digits": {"network": "cnn", "output": "sigmoid"},
        "fashion-mnist": {"network": "cnn", "output": "sigmoid"},
        "mnist": {"network": "cnn", "output": "sigmoid"},
        "fsdd": {"output": "sigmoid"},
        "msi": {"output": "sigmoid"},
        "digits": {"output": "sigmoid"},
    }

    latent_dim: int = option(10, "l, dimension of the code", least=1)
    network: Literal["mlp", "simvae-mlp", "cnn", "narrow", "resnet18", "resnet34", "resnet50"] = option(
        "mlp", "the encoder; mlp and simvae-mlp flatten images, the others fold over them"
    )
    decoder: Literal["mirror", "narrow-shortcuts", "resnet18", "resnet34", "resnet50"] = option(
        "mirror", "gives inputs back: the encoder's mirror image, or that of a ResNet"
    )
    width: int = option(64, "channels of the first convolution; 64: the published size, of simvae-mlp too", least=2)
    batchnorm: bool = option(False, "in the hidden layers of encoder and decoder, where these are mlp or cnn")
    output: Literal["linear", "sigmoid"] = option("linear", "of the decoder; sigmoid suits inputs in [0, 1]")
    augmentation: str = option("none", "the pipeline that draws what the encoder sees")
    strength: int = option(-1, "of crop and jitter, 0 (least) to 3; -1: as the pipeline has them", least=-1, most=3)
    target: Literal["clean", "input"] = option("clean", "what is given back: the clean input, or what the encoder saw")

    def check(self, info: DataInfo) -> None:
        super().check(info)
        check_backbone(self.network, info)
        check_mirror(self.decoding, info)
        self.pipeline.check(info.shape)
        if self.output == "sigmoid" and self.pipeline.mean:
            problem = f"output 'sigmoid' cannot give the inputs that augmentation '{self.augmentation}' normalizes"
            raise StudyError(problem, "use output 'linear' or another augmentation")
        whole = replace(info, batch_size=info.batch_size * self.passes)
        if self.network in NORMALIZED:
            check_batchnorm(whole, batchnorm=True, off="network 'mlp'")
        check_batchnorm(whole, batchnorm=self.batchnorm)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        shape = self.pipeline.check(info.shape)  # of views, and of what is clean
        params, state = draw(self.structure(shape), generator)
        return params, {**state, "shape": torch.tensor(shape)}  # codes alone do not say what to decode to

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """Views (V, B, ...) of each input, and what is clean of it (B, ...), where there is an augmentation."""
        if self.augmentation == "none":
            return {}
        x = batch["input"]
        return {"view": self.pipeline.views(x, self.passes, generator), "clean": self.pipeline.clean(x)}

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        clean = self.pipeline.clean(inputs)
        return through(self.structure(tuple(clean.shape[1:])), "encoder", params, state, clean, training=False)[0]

    def code(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return self.encode(params, state, self.pipeline.clean(inputs), training=False)[0]

    def decode(self, params: Tensors, state: Tensors, codes: Tensor) -> Tensor:
        """Images are cut to [0, 1], which a linear output may leave."""
        shape = tuple(state["shape"].tolist())
        outputs, _ = self.restore(params, state, codes, shape, training=False)
        inputs = self.finish(outputs)
        return self.pipeline.restore(inputs) if len(shape) == 3 else inputs

    def view(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Images stay in [0, 1], so that they can be embedded: what is made of all images is left out."""
        return self.pipeline.augment(inputs, generator)

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        seen, target = self.pair(batch, noise)
        code, state = self.encode(params, state, seen, training=True, tracking=True)
        total, state = self.error(params, state, code, target)
        return total, {"loss": total}, state

    def pair(self, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensor]:
        """What the encoder sees (V·B, ...), view after view, and what is to be given back, alike."""
        clean = repeated(noise.get("clean", batch["input"]), self.passes)
        seen = noise["view"].flatten(0, 1) if "view" in noise else clean
        return seen, clean if self.target == "clean" else seen

    def error(self, params: Tensors, state: Tensors, code: Tensor, target: Tensor) -> tuple[Tensor, Tensors]:
        """Mean squared error of what is made of codes (B, l), and the state after them."""
        outputs, state = self.restore(params, state, code, tuple(target.shape[1:]), training=True)
        return F.mse_loss(self.finish(outputs), target), state

    def encode(
        self, params: Tensors, state: Tensors, inputs: Tensor, *, training: bool, tracking: bool = False
    ) -> tuple[Tensor, Tensors]:
        """What encoder (and projection) make of a batch, normalized by it in `training`; the state after `tracking`."""
        structure = self.structure(tuple(inputs.shape[1:]))
        for part in ("encoder", "projection") if self.network in RESNETS else ("encoder",):
            inputs, state = through(structure, part, params, state, inputs, training=training, tracking=tracking)
        return inputs, state

    def restore(
        self, params: Tensors, state: Tensors, codes: Tensor, shape: tuple[int, ...], *, training: bool
    ) -> tuple[Tensor, Tensors]:
        """Codes (B, l) → outputs (B, *shape) of the decoder before they are finished, and the state after them."""
        structure = self.structure(shape)
        return through(structure, "decoder", params, state, codes, training=training, tracking=training)

    def finish(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid() if self.output == "sigmoid" else outputs

    def structure(self, shape: tuple[int, ...]) -> nn.Sequential:
        networks = self.network, self.decoding
        return network(*networks, shape, self.width, self.encoded, self.latent_dim, self.batchnorm)

    @property
    def stacks(self) -> bool:
        return self.network in FLAT

    @property
    def passes(self) -> int:
        """V, views of every input that pass the networks at once."""
        return 1

    @property
    def encoded(self) -> int:
        """Numbers that the encoder gives for a code."""
        return self.latent_dim

    @property
    def decoding(self) -> str:
        """The network whose mirror image the decoder is."""
        return self.network if self.decoder == "mirror" else self.decoder

    @property
    def pipeline(self) -> Pipeline:
        return pipeline(self.augmentation, self.strength if self.strength >= 0 else None)


@dataclass(frozen=True)
class SparseAutoencoder(Autoencoder):
    """Mean squared error + β Σⱼ KL(ρ ‖ ρ̂ⱼ), for ρ̂ⱼ the batch's mean of the code's j-th activation.

    The activations, which the decoder reads, are the sigmoids of the code; the features are the code.
    """

    source: ClassVar[str] = "Ng 2011, CS294A lecture notes, Sparse autoencoder, section 3"

    batchnorm: bool = option(True, "in the hidden layers of encoder and decoder, where these are mlp or cnn")
    sparsity: float = option(0.05, "ρ, wanted mean of every activation", above=0, below=1)
    weight: float = option(1e-2, "β, of the divergence from it", least=0)

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        seen, target = self.pair(batch, noise)
        code, state = self.encode(params, state, seen, training=True, tracking=True)
        activations = code.sigmoid()
        error, state = self.error(params, state, activations, target)
        excess = bernoulli_divergence(self.sparsity, activations.mean(0)).sum()
        total = error + self.weight * excess
        return total, {"loss": total, "reconstruction": error, "divergence": excess}, state

    def decode(self, params: Tensors, state: Tensors, codes: Tensor) -> Tensor:
        return super().decode(params, state, codes.sigmoid())


@dataclass(frozen=True)
class DenoisingAutoencoder(Autoencoder):
    """Mean of (x − d(e(x̃)))², where every component of x̃ is that of x, or zero with a given probability."""

    source: ClassVar[str] = "Vincent et al. 2008, Extracting and composing robust features with denoising autoencoders"

    batchnorm: bool = option(True, "in the hidden layers of encoder and decoder, where these are mlp or cnn")
    corruption: float = option(0.2, "ν, probability that a component is zeroed", least=0, below=1)

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """A component is zeroed where its chance (B, ...) in [0, 1) is below ν."""
        views = super().draw(batch, generator)
        x, _ = self.pair(batch, views)
        return {**views, "chance": torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)}

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        seen, target = self.pair(batch, noise)
        corrupted = seen * (noise["chance"] >= self.corruption)
        code, state = self.encode(params, state, corrupted, training=True, tracking=True)
        total, state = self.error(params, state, code, target)
        return total, {"loss": total}, state


@functools.cache
def network(
    kind: str, decoding: str, shape: tuple[int, ...], width: int, encoded: int, latent_dim: int, batchnorm: bool
) -> nn.Sequential:
    """An encoder that gives so many numbers, by a projection after a ResNet, and the decoder of codes.

    The projection is that of Falcon et al. (2021; sizes of their code): as wide as the features, with batch norm, the
    last map without bias; heads of mean and log variance are one map.
    """
    encoder = backbone(kind, shape, width, encoded, batchnorm=batchnorm)
    wide = feature_dim(kind, width, encoded)
    between = {"projection": projection(wide, wide, encoded)} if kind in RESNETS else {}
    return joined(encoder=encoder, **between, decoder=mirror(decoding, shape, width, latent_dim, batchnorm=batchnorm))


def repeated(inputs: Tensor, count: int) -> Tensor:
    """Inputs (B, ...) that many times, one copy of all after another."""
    return inputs if count == 1 else inputs.repeat(count, *[1] * (inputs.dim() - 1))


def bernoulli_divergence(wanted: Tensor | float, mean: Tensor) -> Tensor:
    """KL(ρ ‖ ρ̂) = ρ log(ρ / ρ̂) + (1 − ρ) log((1 − ρ) / (1 − ρ̂)) of each mean, in nats."""
    ρ = torch.zeros_like(mean) + wanted
    kept, lost = mean.clamp(min=TINY).log(), (1 - mean).clamp(min=TINY).log()
    return ρ * (ρ.log() - kept) + (1 - ρ) * ((1 - ρ).log() - lost)
