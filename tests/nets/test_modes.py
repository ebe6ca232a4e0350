"""Modules shared between callers in training mode and in evaluation mode."""

import torch
from torch import nn

from ablate.methods.method import within
from ablate.nets.batchnorm import BatchNorm
from ablate.nets.functional import apply
from ablate.nets.init import initialize


def test_a_submodule_applied_in_evaluation_mode_does_not_change_the_mode_of_the_whole() -> None:
    whole = nn.Sequential(nn.Sequential(BatchNorm(2)))
    params, state = initialize(whole, torch.Generator())
    inputs = torch.tensor([[0.0, 10.0], [2.0, 30.0]])
    part = whole.get_submodule("0")
    apply(part, within(params, "0."), within(state, "0."), inputs, training=False)
    outputs, _ = apply(whole, params, state, inputs, training=True)
    torch.testing.assert_close(outputs, torch.tensor([[-1.0, -1.0], [1.0, 1.0]]), atol=1e-4, rtol=0)
