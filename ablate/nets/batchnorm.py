"""Batch normalization whose running statistics are handed out, not updated in place."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ablate.nets.stacking import IN_STACK

STATISTICS = ("running_mean", "running_var")  # what is seen, not learned


class BatchNorm(nn.Module):
    """Normalizes (B, D) or (B, D, H, W) per feature, in the place of `nn.BatchNorm1d` and `nn.BatchNorm2d`.

    In training mode it normalizes by the batch.  While `tracking`, it also keeps the updated running statistics in
    `fresh` for `ablate.nets.functional.apply` to collect.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, features: int, epsilon: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))
        self.tracking = False
        self.fresh: dict[str, Tensor] = {}

    def forward(self, inputs: Tensor) -> Tensor:
        if IN_STACK.get():  # where torch does not take two types
            inputs = inputs.to(self.weight.dtype)
        if not self.training:
            statistics = self.running_mean, self.running_var
            return F.batch_norm(inputs, *statistics, self.weight, self.bias, False, 0.0, self.epsilon)
        if self.tracking:
            self.fresh = self.updated(inputs.detach())
        return F.batch_norm(inputs, None, None, self.weight, self.bias, True, 0.0, self.epsilon)

    def updated(self, inputs: Tensor) -> dict[str, Tensor]:
        """Running statistics after one more batch, of whose variance the unbiased estimate counts, as in torch."""
        inputs = inputs.to(self.running_mean.dtype)
        dims = [0, *range(2, inputs.dim())]
        mean = inputs.mean(dims)
        deviations = inputs - inputs.mean(dims, keepdim=True)
        variance = deviations.square().sum(dims) / (inputs.numel() // inputs.shape[1] - 1)  # ten times var's speed
        fresh = self.running_mean.lerp(mean, self.momentum), self.running_var.lerp(variance, self.momentum)
        return dict(zip(STATISTICS, fresh, strict=True))
