"""Networks of several named parts, whose parameters and state are kept under the parts' names."""

import copy
from collections import OrderedDict

from torch import Tensor, nn

from ablate.methods.method import Tensors, below, within
from ablate.nets.functional import apply


def joined(**parts: nn.Module) -> nn.Sequential:
    """One network of these parts, each a copy: structures are built once, so two parts might be the same object."""
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
    """What one part makes of the inputs, and the state of the whole network after it.

    Batch norm goes by the batch in `training`, and remembers it while `tracking` too.
    """
    prefix = f"{part}."
    own = within(params, prefix), within(state, prefix)
    outputs, after = apply(network.get_submodule(part), *own, inputs, training=training, tracking=tracking)
    return outputs, {**state, **below(prefix, after)}
