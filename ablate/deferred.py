"""torch and numpy, imported when they are first used: a study's names, values and keys are read without them.

`import torch` takes two to three seconds of a command that only checks a study or prints states.  Modules write

    from ablate.deferred import F, nn, np, torch

and use the names as usual.  An attribute is looked up in the real module once, so training pays nothing for it.
What the import itself would evaluate loads the module, such as a base class `nn.Module` or a decorator
`@torch.no_grad()`: classes of layers are in modules of their own, imported by the functions that build networks.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any


class Deferred(ModuleType):
    """Stands for a module, and imports it when an attribute is first used; several threads may do so at once."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(importlib.import_module(self.__name__), name)
        self.__dict__[name] = value  # found there from now on, without a call of this function
        return value


if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn
    from torch.nn import functional as F
else:
    np = Deferred("numpy")
    torch = Deferred("torch")
    nn = Deferred("torch.nn")
    F = Deferred("torch.nn.functional")

__all__ = ["F", "nn", "np", "torch"]
