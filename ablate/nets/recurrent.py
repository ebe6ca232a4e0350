"""Recurrent networks that work under `torch.func.vmap`, for which torch's own have no batching rule."""

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
        inputs = F.linear(sequences, self.weight_ih, self.bias_ih)
        state = inputs.new_zeros(len(sequences), self.hidden)
        states = []
        for step in inputs.unbind(1):
            state = self.next_state(step, state)
            states.append(state)
        return torch.stack(states, 1)

    def next_state(self, inputs: Tensor, state: Tensor) -> Tensor:
        """Transformed inputs (B, 3 H) and the state (B, H) → the next state (B, H).

        Cho et al. 2014, eqs. 5 to 8, with the reset gate applied as in torch.
        """
        reset_in, update_in, new_in = inputs.chunk(3, 1)
        reset_state, update_state, new_state = F.linear(state, self.weight_hh, self.bias_hh).chunk(3, 1)
        reset, update = (reset_in + reset_state).sigmoid(), (update_in + update_state).sigmoid()
        new = (new_in + reset * new_state).tanh()
        return torch.lerp(new, state, update)
