"""How training and test sequences that are made on the fly are kept apart."""

from __future__ import annotations

import torch

from gradlab.tasks.base import Split

_TEST_STREAM = 0x5DEECE66D1CE4E5B
"""Any constant would do; it turns the caller's stream into another one."""


def stream(generator: torch.Generator, split: Split) -> torch.Generator:
    """The generator to draw a split's sequences from.

    Training sequences come from the caller's generator itself. Test sequences come from a fresh generator,
    seeded by one draw of the caller's combined with a constant: from the same state both splits see different
    numbers, and the result remains a function of that state alone.
    """
    if split == "train":
        return generator
    draw = int(torch.randint(0, 2**63 - 1, (), generator=generator))
    return torch.Generator().manual_seed(draw ^ _TEST_STREAM)
