"""Networks of several named parts, whose parameters and state are stored under the parts' names."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import TYPE_CHECKING

from ablate.deferred import nn
from ablate.methods.method import Tensors, with_prefix, within
from ablate.nets.functional import apply

if TYPE_CHECKING:
    from torch import Tensor


def joined(**parts: nn.Module) -> nn.Sequential:
    """One network of copies of these parts; copies, because structures are cached and two parts may be one object."""
    return nn.Sequential(OrderedDict({name: copy.deepcopy(part) for name, part in parts.items()}))


def through(
    network: nn.Module,
    part: str,
    params: Tensors,
    state: Tensors,
    inputs: Tensor,
    *,
    training: bool,
    tracking: bool = False,
) -> tuple[Tensor, Tensors]:
    """The outputs of one part, and the state of the whole network after them.

    Batch norm normalizes by the batch in `training`; with `tracking` it also updates its running statistics.
    """
    prefix = f"{part}."
    own = within(params, prefix), within(state, prefix)
    outputs, after = apply(network.get_submodule(part), *own, inputs, training=training, tracking=tracking)
    return outputs, {**state, **with_prefix(prefix, after)}
