"""How batches are drawn from a finite set of examples."""

from __future__ import annotations

import torch
from torch import Tensor


def draw(available: int, size: int, generator: torch.Generator) -> Tensor:
    """Indices `size` into a set of examples, as evenly used as possible.

    Random permutations of the set, one after the other: up to `available` examples there are no repetitions,
    and exactly `available` of them are the whole set. Which ones depends on the generator's state alone, so
    there are no epochs to remember.
    """
    permutations = [torch.randperm(available, generator=generator) for _ in range(-(-size // available))]
    return torch.cat(permutations)[:size]
