"""One seed for a run, independent random streams for its parts."""

from __future__ import annotations

from hashlib import sha256
from typing import Literal

import torch

Purpose = Literal["batches", "evaluation", "dropout", "truncation", "weight noise", "plane", "samples"]


def derived_seed(seed: int, purpose: Purpose) -> int:
    """A seed in [0, 2⁶³) for one purpose: no stream moves when another one is drawn from more often."""
    return int.from_bytes(sha256(f"{seed}:{purpose}".encode()).digest()[:8], "big") >> 1


def generator(seed: int, purpose: Purpose) -> torch.Generator:
    """A fresh generator on the CPU for one purpose."""
    return torch.Generator().manual_seed(derived_seed(seed, purpose))
