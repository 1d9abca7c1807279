"""What stands before the recurrent layers: nothing, a linear map, one-hot vectors or an embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gradlab.shapes import Float, Int


class OneHot(nn.Module):
    """Tokens as unit vectors, in torch's default precision unless it is cast like other modules."""

    unit: Tensor

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.tokens = tokens
        # Holds nothing but the device and the precision that the module was moved to.
        self.register_buffer("unit", torch.ones(()), persistent=False)

    def forward(self, inputs: Int[Tensor, "time batch"]) -> Float[Tensor, "time batch tokens"]:
        """`time batch` to `time batch tokens`."""
        return functional.one_hot(inputs, self.tokens).to(self.unit)


def encoder(kind: str, input_size: int, width: int | None) -> tuple[nn.Module, int]:
    """The encoder of a task's inputs, and the number of features that it gives.

    Args:
        kind: `numbers` or `tokens`.
        input_size: features, or number of different tokens.
        width: features of a learned encoder, or None for inputs as they are.
    """
    if kind == "tokens":
        return (OneHot(input_size), input_size) if width is None else (nn.Embedding(input_size, width), width)
    if kind != "numbers":
        raise ValueError(f"expected inputs of the kind 'numbers' or 'tokens', got {kind!r}")
    return (nn.Identity(), input_size) if width is None else (nn.Linear(input_size, width), width)
