"""Euclidean norms whose squares neither under- nor overflow."""

from __future__ import annotations

import torch
from torch import Tensor


def euclidean_norm(vectors: Tensor, dim: int) -> Tensor:
    """Norm along one axis, right for any numbers that the dtype holds; ∞ and NaN come out as such."""
    largest = vectors.abs().amax(dim, keepdim=True)
    scale = torch.where((largest > 0) & largest.isfinite(), largest, 1.0)
    return torch.linalg.vector_norm(vectors / scale, dim=dim) * scale.squeeze(dim)
