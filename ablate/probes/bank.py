"""Many small networks trained as one; importing it loads torch, so the functions that train networks import it."""

from torch import Tensor, nn


class Bank(nn.Module):
    """Independent copies of a perceptron with one output: features (B, L) → logits (B, T), one of each copy."""

    def __init__(self, network: nn.Sequential, copies: int) -> None:
        super().__init__()
        hidden, _, last = network
        assert isinstance(hidden, nn.Linear)
        assert isinstance(last, nn.Linear)
        self.weight = nn.Parameter(hidden.weight.detach().repeat(copies, 1))
        self.bias = nn.Parameter(hidden.bias.detach().repeat(copies))
        self.last_weight = nn.Parameter(last.weight.detach().repeat(copies, 1))
        self.last_bias = nn.Parameter(last.bias.detach().repeat(copies))

    def forward(self, x: Tensor) -> Tensor:
        hidden = nn.functional.linear(x, self.weight, self.bias).relu().unflatten(1, self.last_weight.shape)
        logits: Tensor = (hidden * self.last_weight).sum(2) + self.last_bias
        return logits
