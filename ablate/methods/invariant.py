"""Invariant discriminative features: predictions on two perturbed versions of a batch, with balanced targets."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from ablate.data_info import DataInfo
from ablate.deferred import F, nn, torch
from ablate.errors import StudyError
from ablate.methods.backbone import check_backbone
from ablate.methods.limits import check_batchnorm
from ablate.methods.method import Method, Tensors
from ablate.methods.parts import joined, through
from ablate.nets.encoders import encoder, mlp
from ablate.nets.functional import apply
from ablate.nets.init import initialize
from ablate.nets.stacking import gradient, known_true
from ablate.options import Value, option

if TYPE_CHECKING:
    from torch import Tensor

HIDDEN_CLASSIFIER = (128, 128)
STEPS_PER_UNIT = 10  # the adaptive λ changes in steps of 1 / STEPS_PER_UNIT, between LOWEST and HIGHEST
LOWEST, HIGHEST = 0.1, 1.0
EPSILON = 1e-12  # keeps zero gradients and probabilities finite

VERSIONS: Mapping[str, tuple[str, str]] = {  # how the first and the second version of a batch are perturbed
    "rp": ("random", "random"),
    "rp+vat": ("random", "adversarial"),
    "vat": ("adversarial", "adversarial"),
}


@final
@dataclass(frozen=True)
class Invariant(Method):
    """D(Q₂ ‖ P₁) + D(Q₁ ‖ P₂), for P the predictions on two perturbed versions of a batch and Q their balanced targets.

    Ntelemis, Jin & Thomas 2022, arXiv:2202.06914: eq. 2 (objective), algorithm 1 (targets by regularised optimal
    transport), algorithm 2 with eq. 8 (adaptive λ), section III-B (virtual adversarial perturbation).
    """

    source: ClassVar[str] = "Ntelemis, Jin & Thomas 2022, arXiv:2202.06914"
    logged: ClassVar[tuple[str, ...]] = ("loss", "smoothness", "target_entropy", "prediction_entropy")
    comparable_loss: ClassVar[bool] = False  # its targets follow the predictions, and their entropy falls (eq. 8)
    datasets: ClassVar[Mapping[str, Mapping[str, Value]]] = {
        "emnist-digits": {"network": "cnn", "epsilon": 2.0},
        "fashion-mnist": {"network": "cnn", "epsilon": 2.0},
        "mnist": {"network": "cnn", "epsilon": 2.0},
        "fsdd": {"epsilon": 5.0},
        "msi": {"epsilon": 1.0},
        "reuters-10k": {"epsilon": 20.0},
        "reuters-21578": {"epsilon": 20.0},
        "20newsgroups": {"epsilon": 20.0},
        "digits": {"epsilon": 0.8},  # a fifth of the points' mean norm, 3.9
    }
    small: ClassVar[Mapping[str, Value]] = {"k": 6, "latent_dim": 4, "epsilon": 0.5}

    k: int = option(100, "k, outputs of the classifier", least=2)
    latent_dim: int = option(10, "l, dimension of the embedding", least=1)
    network: Literal["mlp", "cnn"] = option("mlp", "the encoder; cnn needs images")
    epsilon: float = option(2.0, "ε, l2 norm of the perturbation; about 1/5 of the points' mean norm", above=0)
    xi: float = option(10.0, "ξ, l2 norm of the random step at which the adversarial direction is computed", above=0)
    transformation: Literal["np", "rp", "rp+vat", "vat"] = option(
        "vat", "perturbation of the two versions: none, random, one or both adversarial (Table V)"
    )
    sinkhorn_lambda: float | Literal["adaptive"] = option(
        "adaptive",
        "λ of the transport problem (eq. 3); adaptive: changed until the targets' entropy is near ĥ (alg. 2)",
        former="smoothness",
    )
    warm_up: float = option(0.02, "share of training in which ĥ falls from log k to log √k (eq. 8)", above=0, most=1)
    tolerance: float = option(0.005, "distance from ĥ, in nats, below which the adaptive λ stays", above=0)
    lambda_updates: int = option(5, "most changes of the adaptive λ per target", least=0, former="updates")
    sinkhorn_iterations: int = option(
        10, "T, iterations of Sinkhorn and Knopp's algorithm", least=1, former="iterations"
    )
    batchnorm: Literal["none", "encoder", "classifier", "both"] = option(
        "both", "the networks whose hidden layers have batch norm (Table VI)"
    )
    bn_update_on: Literal["clean", "adversarial", "all"] = option(
        "clean", "the passes that update batch norm's running statistics"
    )

    def check(self, info: DataInfo) -> None:
        super().check(info)
        if not isinstance(self.sinkhorn_lambda, str) and self.sinkhorn_lambda <= 0:
            problem = f"sinkhorn_lambda {self.sinkhorn_lambda} is not above 0"
            raise StudyError(problem, "use a positive number or 'adaptive'")
        check_backbone(self.network, info)
        check_batchnorm(info, batchnorm=self.batchnorm != "none", off="batchnorm 'none'")

    @property
    def stacks(self) -> bool:
        return self.network == "mlp"

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        params, state = initialize(self.structure(info.shape), generator)
        start = HIGHEST if isinstance(self.sinkhorn_lambda, str) else self.sinkhorn_lambda
        return params, {**state, "smoothness": torch.tensor(start)}

    def draw(self, batch: Tensors, generator: torch.Generator) -> Tensors:
        """Directions (2, B, ...): those of random versions, and those at which adversarial ones start."""
        if self.transformation == "np":
            return {}
        x = batch["input"]
        return {"direction": torch.randn(2, *x.shape, generator=generator, device=x.device, dtype=x.dtype)}

    def embed(self, params: Tensors, state: Tensors, inputs: Tensor) -> Tensor:
        return through(self.structure(tuple(inputs.shape[1:])), "encoder", params, state, inputs, training=False)[0]

    def loss(self, params: Tensors, state: Tensors, batch: Tensors, noise: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        (first, second), state = self.versions(params, state, batch["input"], noise)
        wanted = wanted_entropy(self.k, batch["progress"] / self.warm_up)
        first_target, λ = self.target(first.detach(), state["smoothness"], wanted)
        second_target, λ = self.target(second.detach(), λ, wanted)
        total = divergence(second_target, first) + divergence(first_target, second)
        shown = {
            "loss": total,
            "smoothness": λ,
            "target_entropy": (entropy(first_target) + entropy(second_target)) / 2,
            "prediction_entropy": (entropy(first.detach().softmax(1)) + entropy(second.detach().softmax(1))) / 2,
        }
        return total, shown, {**state, "smoothness": λ}

    def versions(
        self, params: Tensors, state: Tensors, inputs: Tensor, noise: Tensors
    ) -> tuple[tuple[Tensor, Tensor], Tensors]:
        """Logits (B, k) of the batch's two versions, differentiable in the parameters, and the state after them."""
        if self.transformation == "np":
            logits, state = self.predict(params, state, inputs, tracking=True)
            return (logits, logits), state
        frozen = {name: tensor.detach() for name, tensor in params.items()}
        clean, state = self.predict(frozen, state, inputs, tracking=self.bn_update_on != "adversarial")
        outputs = []
        for kind, direction in zip(VERSIONS[self.transformation], noise["direction"].unbind(), strict=True):
            if kind == "adversarial":
                step, state = self.adversarial(frozen, state, inputs, clean, direction)
            else:
                step = scaled(direction, self.epsilon)
            logits, state = self.predict(params, state, inputs + step, tracking=self.bn_update_on != "clean")
            outputs.append(logits)
        return (outputs[0], outputs[1]), state

    def adversarial(
        self, params: Tensors, state: Tensors, inputs: Tensor, clean: Tensor, direction: Tensor
    ) -> tuple[Tensor, Tensors]:
        """The step (B, ...) of length ε in the direction in which predictions change most from the `clean` logits.

        Found by one power iteration from a random `direction` (Miyato et al. 2018, algorithm 1).
        """
        target = clean.softmax(1)

        def change(step: Tensor) -> tuple[Tensor, Tensors]:
            logits, after = self.predict(params, state, inputs + step, tracking=self.bn_update_on == "all")
            return F.cross_entropy(logits, target), after  # the divergence plus a constant

        slope, state = gradient(change, scaled(direction, self.xi))
        return scaled(slope, self.epsilon), state

    def predict(self, params: Tensors, state: Tensors, inputs: Tensor, *, tracking: bool) -> tuple[Tensor, Tensors]:
        """Logits (B, k) in training mode, and the state, with running statistics updated if `tracking`."""
        network = self.structure(tuple(inputs.shape[1:]))
        return apply(network, params, state, inputs, training=True, tracking=tracking)

    def target(self, logits: Tensor, λ: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Balanced targets (B, k) and their λ: constant, or changed until the entropy is near the `wanted` one."""
        updates = self.lambda_updates if isinstance(self.sinkhorn_lambda, str) else 0
        target = sinkhorn(logits, λ, self.sinkhorn_iterations)
        for _ in range(updates):
            before, λ = λ, updated_lambda(λ, entropy(target) - wanted, self.tolerance)
            if known_true(λ == before):
                break  # the same λ makes the same target
            target = sinkhorn(logits, λ, self.sinkhorn_iterations)
        return target, λ

    def structure(self, shape: tuple[int, ...]) -> nn.Sequential:
        return network(self.network, shape, self.latent_dim, self.k, self.batchnorm)


@functools.cache
def network(kind: str, shape: tuple[int, ...], latent_dim: int, k: int, batchnorm: str) -> nn.Sequential:
    """The encoder and the classifier on top of it, without parameters."""
    encoder_norm, classifier_norm = batchnorm in ("encoder", "both"), batchnorm in ("classifier", "both")
    features = encoder(kind, shape, latent_dim, encoder_norm)
    classifier = mlp((latent_dim, *HIDDEN_CLASSIFIER, k), classifier_norm)
    return joined(encoder=features, classifier=classifier)


def sinkhorn(logits: Tensor, λ: Tensor | float, iterations: int) -> Tensor:
    """Targets Q (m, k) whose rows sum to 1 and whose columns sum to about m / k (Ntelemis et al. 2022, algorithm 1).

    The first iteration is computed in logarithms, so that no row or column of the kernel underflows for small λ; the
    others multiply.
    """
    m, k = logits.shape
    rows = (logits / λ).log_softmax(1).softmax(0)  # K, its columns summing to 1
    columns = rows * (k / m)  # with the common factor of u and v
    v = rows.new_ones(k)
    for _ in range(iterations - 1):
        u = (rows @ v).reciprocal()
        v = (u @ columns).reciprocal()
    plan: Tensor = rows * v  # u is not needed: rows are normalized next
    return plan / plan.sum(1, keepdim=True)


def updated_lambda(λ: Tensor, excess: Tensor, tolerance: Tensor | float) -> Tensor:
    """The next λ: a step of the grid down if the entropy is too large by `excess`, up if too small (algorithm 2)."""
    steps = (excess < -tolerance).to(λ) - (excess > tolerance).to(λ)
    return ((λ * STEPS_PER_UNIT).round() + steps).div(STEPS_PER_UNIT).clamp(LOWEST, HIGHEST)


def wanted_entropy(k: int, warmed: Tensor) -> Tensor:
    """ĥ in nats: it falls from log k to log √k along half a cosine while `warmed` goes from 0 to 1 (eq. 8)."""
    return math.log(k) / 2 * (1 + (torch.cos(math.pi * warmed.clamp(max=1)) + 1) / 2)


def entropy(rows: Tensor) -> Tensor:
    """Mean entropy of the rows of a row-stochastic matrix, in nats."""
    return -(rows * rows.clamp(min=EPSILON).log()).sum(1).mean()  # several times faster than xlogy


def divergence(target: Tensor, logits: Tensor) -> Tensor:
    """KL(target ‖ softmax(logits)) of rows (B, k), averaged over them, in nats."""
    return -entropy(target) - (target * logits.log_softmax(1)).sum(1).mean()


def scaled(directions: Tensor, length: Tensor | float) -> Tensor:
    """The directions (B, ...), each scaled to an l2 norm of `length`."""
    norms: Tensor = torch.linalg.vector_norm(directions, dim=tuple(range(1, directions.dim())), keepdim=True)
    return directions * (length / (norms + EPSILON))
