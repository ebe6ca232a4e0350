"""BatchNorm computes what torch's does, and returns the statistics that torch's updates in place."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from ablate.nets.batchnorm import BatchNorm
from ablate.nets.functional import apply
from ablate.nets.init import initialize


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("theirs", [nn.BatchNorm1d(3), nn.BatchNorm2d(3)])
def test_outputs_and_running_statistics_equal_torchs(theirs: nn.Module) -> None:
    batches = [normal(6, 3), normal(6, 3) + 1] if isinstance(theirs, nn.BatchNorm1d) else [normal(6, 3, 2, 2)] * 2
    ours = BatchNorm(3)
    params, first = initialize(ours, torch.Generator())
    state: Mapping[str, Tensor] = first
    for batch in batches:
        mine, state = apply(ours, params, state, batch, training=True, tracking=True)
        torch.testing.assert_close(mine, theirs.train()(batch))
    torch.testing.assert_close(state["running_mean"], theirs.running_mean)
    torch.testing.assert_close(state["running_var"], theirs.running_var)
    evaluated, _ = apply(ours, params, state, batches[0], training=False)
    torch.testing.assert_close(evaluated, theirs.eval()(batches[0]))


def test_outputs_and_statistics_of_two_numbers_match_a_calculation_by_hand() -> None:
    """1 and 3: mean 2, biased variance 1, unbiased variance 2; running statistics move by a tenth from 0 and 1."""
    layer = BatchNorm(1, epsilon=1e-12)
    params, state = initialize(layer, torch.Generator())
    outputs, after = apply(layer, params, state, torch.tensor([[1.0], [3.0]]), training=True, tracking=True)
    torch.testing.assert_close(outputs, torch.tensor([[-1.0], [1.0]]))
    torch.testing.assert_close(after["running_mean"], torch.tensor([0.2]))
    torch.testing.assert_close(after["running_var"], torch.tensor([1.1]))


def test_the_state_changes_only_in_training_mode_while_tracking() -> None:
    layer = BatchNorm(3)
    params, state = initialize(layer, torch.Generator())
    for training, tracking in ((True, False), (False, True), (False, False)):
        assert apply(layer, params, state, normal(6, 3), training=training, tracking=tracking)[1] is state


def test_apply_leaves_no_tensor_in_the_module_also_after_an_error() -> None:
    layer = BatchNorm(3)
    params, state = initialize(layer, torch.Generator())
    before = {name: tensor.clone() for name, tensor in state.items()}
    apply(layer, params, state, normal(6, 3), training=True, tracking=True)
    assert layer.updated == {}
    assert not layer.tracking
    assert all(torch.equal(state[name], before[name]) for name in state)
    with pytest.raises(ValueError, match="Expected more than 1 value"):
        apply(layer, params, state, normal(1, 3), training=True, tracking=True)
    assert not layer.tracking


def test_a_torchvision_resnet_with_this_batch_norm_works_under_vmap() -> None:
    from torchvision.models import resnet18  # takes eight seconds

    with torch.device("meta"):
        network = resnet18(norm_layer=BatchNorm, num_classes=4)
    params, state = initialize(network, torch.Generator().manual_seed(0))
    images = normal(2, 2, 3, 32, 32)

    def run(params: dict[str, Tensor], images: Tensor) -> tuple[Tensor, Tensor]:
        outputs, after = apply(network, params, state, images, training=True, tracking=True)
        return outputs, after["layer4.1.bn2.running_var"]

    twice = {name: torch.stack([tensor, tensor]) for name, tensor in params.items()}
    stacked = torch.func.vmap(run)(twice, images)
    for member in range(2):
        outputs, variance = run(params, images[member])
        torch.testing.assert_close(stacked[0][member], outputs, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(stacked[1][member], variance, rtol=1e-3, atol=1e-3)
    assert outputs.shape == (2, 4)
    assert (state["bn1.running_var"] == 1).all()
