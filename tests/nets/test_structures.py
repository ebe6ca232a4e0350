"""What every structure promises: no numbers of its own, one per setting, and members of a pack learn as if alone."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from ablate.nets.functional import apply
from ablate.nets.heads import perceptron, projection
from ablate.nets.init import draw
from ablate.nets.inverted import inverted_resnet
from ablate.nets.narrow import narrow_decoder, narrow_encoder, simvae_mlp, simvae_mlp_decoder
from ablate.nets.nin import alexnet, nin
from ablate.nets.resnet import resnet

STRUCTURES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {  # how each is built, and an input's shape
    "resnet18": (lambda: resnet("resnet18", 1, "3x3", 4), (1, 8, 8)),
    "resnet50": (lambda: resnet("resnet50", 1, "7x7", 4), (1, 16, 16)),
    "inverted resnet18": (lambda: inverted_resnet("resnet18", (1, 12, 12), 3, 8, 32), (3,)),
    "inverted resnet50": (lambda: inverted_resnet("resnet50", (1, 12, 12), 3, 8, 32), (3,)),
    "narrow encoder": (lambda: narrow_encoder((1, 12, 12), 3, 4), (1, 12, 12)),
    "narrow decoder": (lambda: narrow_decoder((1, 12, 12), 3, False, 4), (3,)),
    "narrow decoder with identity": (lambda: narrow_decoder((1, 12, 12), 3, True, 4), (3,)),
    "perceptron of SimVAE": (lambda: simvae_mlp((1, 4, 4), 3, 4), (1, 4, 4)),
    "its decoder": (lambda: simvae_mlp_decoder((1, 4, 4), 3, 4), (3,)),
    "nin": (lambda: nin((1, 8, 8), 8), (1, 8, 8)),
    "alexnet": (lambda: alexnet((1, 21, 21), 4), (1, 21, 21)),
    "projection": (lambda: projection(3, 4, 2), (3,)),
    "perceptron": (lambda: perceptron((3, 4, 2), True), (3,)),
}


@pytest.fixture(params=sorted(STRUCTURES))
def structure(request: pytest.FixtureRequest) -> nn.Module:
    return STRUCTURES[request.param][0]()


@pytest.fixture
def inputs(request: pytest.FixtureRequest) -> Tensor:
    """Two members' batches, in double precision: small batches amplify rounding where batch norm divides by little."""
    name = request.node.callspec.params["structure"]
    shape = (2, 5, *STRUCTURES[name][1])
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def drawn(structure: nn.Module, seed: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    params, state = draw(structure, torch.Generator().manual_seed(seed))
    return {k: v.double() for k, v in params.items()}, {k: v.double() for k, v in state.items()}


def test_a_structure_is_built_once_and_holds_no_numbers(request: pytest.FixtureRequest, structure: nn.Module) -> None:
    assert STRUCTURES[request.node.callspec.params["structure"]][0]() is structure
    assert all(tensor.is_meta for tensor in [*structure.parameters(), *structure.buffers()])


def test_shapes_can_be_asked_for_without_numbers(structure: nn.Module, inputs: Tensor) -> None:
    params, state = drawn(structure, 0)
    outputs, _ = apply(structure, params, state, inputs[0], training=True)
    assert outputs.isfinite().all()
    assert structure(torch.empty(inputs[0].shape, device="meta")).shape == outputs.shape


def test_evaluation_sees_one_input_at_a_time(structure: nn.Module, inputs: Tensor) -> None:
    params, state = drawn(structure, 0)
    together, after = apply(structure, params, state, inputs[0], training=False, tracking=True)
    alone = apply(structure, params, state, inputs[0, :1], training=False)[0]
    torch.testing.assert_close(together[:1], alone)
    assert after is state


def test_members_of_a_pack_learn_as_if_alone(structure: nn.Module, inputs: Tensor) -> None:
    members = [drawn(structure, seed) for seed in (0, 1)]

    def loss(params: dict[str, Tensor], state: dict[str, Tensor], batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        outputs, after = apply(structure, params, state, batch, training=True, tracking=True)
        return outputs.pow(3).mean(), dict(after)

    learn = torch.func.grad(loss, has_aux=True)
    params, state = ({key: torch.stack([m[kind][key] for m in members]) for key in members[0][kind]} for kind in (0, 1))
    gradients, after = torch.func.vmap(learn)(params, state, inputs)
    for place, member in enumerate(members):
        alone, seen = learn(*member, inputs[place])
        for key in params:
            torch.testing.assert_close(gradients[key][place], alone[key], rtol=1e-5, atol=1e-8)
        for key in state:
            torch.testing.assert_close(after[key][place], seen[key])
        assert any(gradient.abs().max() > 0 for gradient in alone.values())
