"""Clips of real digits that move: straight on, and back from the walls."""

from __future__ import annotations

import torch
from torch import Tensor

from gradlab.shapes import Float, Int

FASTEST = 2
"""Pixels a frame, in each of the two directions."""


def paths(frames: int, sequences: int, room: int, generator: torch.Generator) -> Int[Tensor, "time batch 2"]:
    """Row and column of a moving corner, 0 … room; each starts anywhere, at 1 or 2 pixels a frame either way."""
    start = torch.randint(0, room + 1, (sequences, 2), generator=generator)
    speed = torch.randint(1, FASTEST + 1, (sequences, 2), generator=generator)
    sign = 2 * torch.randint(0, 2, (sequences, 2), generator=generator) - 1
    unfolded = start + torch.arange(frames).view(-1, 1, 1) * speed * sign
    # Going on behind the wall and coming back from it are mirror images.
    return room - (unfolded.remainder(2 * room) - room).abs()


def drawn(
    digits: Float[Tensor, "time batch row column"], corners: Int[Tensor, "time batch 2"], size: int
) -> Float[Tensor, "time batch size size"]:
    """Empty frames of `size` pixels with one digit in each, its upper left corner where it is said to be."""
    steps, sequences, height, width = digits.shape
    canvas = torch.zeros(steps, sequences, size, size)
    rows = corners[..., 0].view(steps, sequences, 1, 1) + torch.arange(height).view(-1, 1)
    columns = corners[..., 1].view(steps, sequences, 1, 1) + torch.arange(width)
    times = torch.arange(steps).view(-1, 1, 1, 1)
    canvas[times, torch.arange(sequences).view(-1, 1, 1), rows, columns] = digits
    return canvas
