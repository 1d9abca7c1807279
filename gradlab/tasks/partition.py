"""How the sequences of a discrete task are dealt out to training and test, so that none is ever in both."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import torch
from torch import Tensor

from gradlab.shapes import Bool, Int
from gradlab.tasks.base import Split
from gradlab.tasks.kept import kept

_SHARES = 5
"""One share in five is for testing."""
_MIX = 0x2545F4914F6CDD1D


def draw_parted(draw: Callable[[int], Tensor], size: int, split: Split) -> Int[Tensor, "time sequence"]:
    """Sequences of a split: draws until `size` of them are the split's.

    Where there are few different sequences, two generators would soon draw the same one. What is drawn is
    otherwise left as it is, so whatever is drawn apart from it, such as a label, keeps its distribution exactly.

    Args:
        draw: gives that many random sequences, `time sequence`, int64.
        size: how many are wanted.
        split: whose.
    """
    found: list[Tensor] = []
    missing = size
    while missing > 0:
        drawn = draw((missing * 3 // 2 if split == "train" else missing * _SHARES) + 4)
        found.append(drawn[:, belongs(drawn, split)][:, :missing])
        missing -= found[-1].shape[1]
    return torch.cat(found, dim=1)


def belongs(tokens: Int[Tensor, "time sequence"], split: Split) -> Bool[Tensor, " sequence"]:
    """Whether each sequence is the split's: a hash of its tokens decides, for good."""
    mixed = (tokens * _weights(len(tokens)).unsqueeze(1)).sum(0)  # wraps around, as a hash may
    mixed = (mixed ^ (mixed >> 31)) * _MIX
    is_test = (mixed ^ (mixed >> 29)).remainder(_SHARES) == 0
    return is_test if split == "test" else ~is_test


@kept
def _weights(length: int) -> Tensor:
    numbers = (sha256(f"partition {place}".encode()).digest()[:8] for place in range(length))
    return torch.tensor([int.from_bytes(number, "big", signed=True) | 1 for number in numbers])
