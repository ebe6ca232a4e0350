"""Hyperparameter studies and ablations of self-supervised learning."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ablate.encoder import load_encoder as load_encoder

__all__ = ["load_encoder"]


def __getattr__(name: str) -> Any:
    """Import torch only for whoever asks for an encoder."""
    if name == "load_encoder":
        from ablate.encoder import load_encoder

        return load_encoder
    raise AttributeError(f"module 'ablate' has no attribute '{name}'")
