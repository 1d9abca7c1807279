"""Euclidean norms whose squares neither under- nor overflow."""

from __future__ import annotations

import torch
from torch import Tensor


def euclidean_norm(vectors: Tensor, dim: int) -> Tensor:
    """Norm along one axis, right for any numbers that the dtype holds."""
    largest = vectors.abs().amax(dim, keepdim=True)
    scaled = vectors / torch.where(largest > 0, largest, 1.0)
    return torch.linalg.vector_norm(scaled, dim=dim) * largest.squeeze(dim)
