"""Modules that several callers share in both modes."""

import torch
from torch import nn

from ablate.methods.method import within
from ablate.nets.batchnorm import BatchNorm
from ablate.nets.functional import apply
from ablate.nets.init import draw


def test_a_part_used_in_evaluation_leaves_the_whole_in_training() -> None:
    whole = nn.Sequential(nn.Sequential(BatchNorm(2)))
    params, state = draw(whole, torch.Generator())
    inputs = torch.tensor([[0.0, 10.0], [2.0, 30.0]])
    part = whole.get_submodule("0")
    apply(part, within(params, "0."), within(state, "0."), inputs, training=False)
    outputs, _ = apply(whole, params, state, inputs, training=True)
    torch.testing.assert_close(outputs, torch.tensor([[-1.0, -1.0], [1.0, 1.0]]), atol=1e-4, rtol=0)
