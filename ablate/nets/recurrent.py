"""Recurrent networks that can be stacked: torch's own have no rule for `vmap`."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class GRU(nn.Module):
    """Sequences (B, T, D) → hidden states (B, T, H) after each step, as `nn.GRU(D, H, batch_first=True)` from zero."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.weight_ih = nn.Parameter(torch.empty(3 * hidden, inputs))
        self.weight_hh = nn.Parameter(torch.empty(3 * hidden, hidden))
        self.bias_ih = nn.Parameter(torch.empty(3 * hidden))
        self.bias_hh = nn.Parameter(torch.empty(3 * hidden))

    def forward(self, sequences: Tensor) -> Tensor:
        seen = F.linear(sequences, self.weight_ih, self.bias_ih)
        state = seen.new_zeros(len(sequences), self.hidden)
        states = []
        for step in seen.unbind(1):
            state = self.after(step, state)
            states.append(state)
        return torch.stack(states, 1)

    def after(self, seen: Tensor, state: Tensor) -> Tensor:
        """The state (B, H) after one step (Cho et al. 2014, eqs. 5 to 8, with the reset gate as torch has it)."""
        reset_in, update_in, new_in = seen.chunk(3, 1)
        reset_kept, update_kept, new_kept = F.linear(state, self.weight_hh, self.bias_hh).chunk(3, 1)
        reset, update = (reset_in + reset_kept).sigmoid(), (update_in + update_kept).sigmoid()
        new = (new_in + reset * new_kept).tanh()
        return torch.lerp(new, state, update)
