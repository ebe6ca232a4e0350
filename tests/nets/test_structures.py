"""What all networks have in common: cached, without values of their own, and equal results alone and under vmap."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from ablate.nets.encoders import mlp
from ablate.nets.functional import apply
from ablate.nets.heads import projection
from ablate.nets.init import initialize
from ablate.nets.inverted import inverted_resnet
from ablate.nets.narrow import narrow_decoder, narrow_encoder, simvae_mlp, simvae_mlp_decoder
from ablate.nets.nin import alexnet, nin
from ablate.nets.resnet import resnet

NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {  # name → builder, shape of one input
    "resnet18": (lambda: resnet("resnet18", 1, "3x3", 4), (1, 8, 8)),
    "resnet50": (lambda: resnet("resnet50", 1, "7x7", 4), (1, 16, 16)),
    "inverted resnet18": (lambda: inverted_resnet("resnet18", (1, 12, 12), 3, 8, 32), (3,)),
    "inverted resnet50": (lambda: inverted_resnet("resnet50", (1, 12, 12), 3, 8, 32), (3,)),
    "narrow encoder": (lambda: narrow_encoder((1, 12, 12), 3, 4), (1, 12, 12)),
    "narrow decoder": (lambda: narrow_decoder((1, 12, 12), 3, False, 4), (3,)),
    "narrow decoder with identity": (lambda: narrow_decoder((1, 12, 12), 3, True, 4), (3,)),
    "MLP of SimVAE": (lambda: simvae_mlp((1, 4, 4), 3, 4), (1, 4, 4)),
    "MLP decoder of SimVAE": (lambda: simvae_mlp_decoder((1, 4, 4), 3, 4), (3,)),
    "nin": (lambda: nin((1, 8, 8), 8), (1, 8, 8)),
    "alexnet": (lambda: alexnet((1, 21, 21), 4), (1, 21, 21)),
    "projection": (lambda: projection(3, 4, 2), (3,)),
    "mlp": (lambda: mlp((3, 4, 2), True), (3,)),
}


@pytest.fixture(params=sorted(NETWORKS))
def network(request: pytest.FixtureRequest) -> nn.Module:
    return NETWORKS[request.param][0]()


@pytest.fixture
def inputs(request: pytest.FixtureRequest) -> Tensor:
    """Two members' batches, in double precision: small batches amplify rounding where batch norm divides by little."""
    name = request.node.callspec.params["network"]
    shape = (2, 5, *NETWORKS[name][1])
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def initialized(network: nn.Module, seed: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    params, state = initialize(network, torch.Generator().manual_seed(seed))
    return {k: v.double() for k, v in params.items()}, {k: v.double() for k, v in state.items()}


def test_networks_are_cached_and_live_on_the_meta_device(request: pytest.FixtureRequest, network: nn.Module) -> None:
    assert NETWORKS[request.node.callspec.params["network"]][0]() is network
    assert all(tensor.is_meta for tensor in [*network.parameters(), *network.buffers()])


def test_the_meta_device_gives_the_output_shape(network: nn.Module, inputs: Tensor) -> None:
    params, state = initialized(network, 0)
    outputs, _ = apply(network, params, state, inputs[0], training=True)
    assert outputs.isfinite().all()
    assert network(torch.empty(inputs[0].shape, device="meta")).shape == outputs.shape


def test_outputs_in_evaluation_mode_do_not_depend_on_the_rest_of_the_batch(network: nn.Module, inputs: Tensor) -> None:
    params, state = initialized(network, 0)
    together, after = apply(network, params, state, inputs[0], training=False, tracking=True)
    alone = apply(network, params, state, inputs[0, :1], training=False)[0]
    torch.testing.assert_close(together[:1], alone)
    assert after is state


def test_gradients_and_state_are_the_same_alone_and_under_vmap(network: nn.Module, inputs: Tensor) -> None:
    members = [initialized(network, seed) for seed in (0, 1)]

    def loss(params: dict[str, Tensor], state: dict[str, Tensor], batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        outputs, after = apply(network, params, state, batch, training=True, tracking=True)
        return outputs.pow(3).mean(), dict(after)

    learn = torch.func.grad(loss, has_aux=True)
    params, state = ({key: torch.stack([m[kind][key] for m in members]) for key in members[0][kind]} for kind in (0, 1))
    gradients, after = torch.func.vmap(learn)(params, state, inputs)
    for index, member in enumerate(members):
        alone, new_state = learn(*member, inputs[index])
        for key in params:
            torch.testing.assert_close(gradients[key][index], alone[key], rtol=1e-5, atol=1e-8)
        for key in state:
            torch.testing.assert_close(after[key][index], new_state[key])
        assert any(gradient.abs().max() > 0 for gradient in alone.values())
