"""Batch normalization that returns its updated running statistics instead of changing them in place."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ablate.nets.stacking import UNDER_VMAP

STATISTICS = ("running_mean", "running_var")  # state: computed from batches, not learned


class BatchNorm(nn.Module):
    """Normalizes (B, D) or (B, D, H, W) per feature; replaces `nn.BatchNorm1d` and `nn.BatchNorm2d`.

    In training mode it normalizes by the batch's statistics.  While `tracking`, it also stores the updated running
    statistics in `updated`, where `ablate.nets.functional.apply` collects them.
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
        self.updated: dict[str, Tensor] = {}

    def forward(self, inputs: Tensor) -> Tensor:
        if UNDER_VMAP.get():  # where torch refuses inputs and weights of different types
            inputs = inputs.to(self.weight.dtype)
        if not self.training:
            statistics = self.running_mean, self.running_var
            return F.batch_norm(inputs, *statistics, self.weight, self.bias, False, 0.0, self.epsilon)
        if self.tracking:
            self.updated = self.new_statistics(inputs.detach())
        return F.batch_norm(inputs, None, None, self.weight, self.bias, True, 0.0, self.epsilon)

    def new_statistics(self, inputs: Tensor) -> dict[str, Tensor]:
        """The running statistics after one more batch, with its unbiased variance, as in torch."""
        inputs = inputs.to(self.running_mean.dtype)
        dims = [0, *range(2, inputs.dim())]
        mean = inputs.mean(dims)
        deviations = inputs - inputs.mean(dims, keepdim=True)
        variance = deviations.square().sum(dims) / (inputs.numel() // inputs.shape[1] - 1)  # 10 x as fast as Tensor.var
        new = self.running_mean.lerp(mean, self.momentum), self.running_var.lerp(variance, self.momentum)
        return dict(zip(STATISTICS, new, strict=True))
