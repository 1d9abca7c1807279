"""Penalties on weights alone: on recurrent matrices that stretch or turn away from orthogonal, and on size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gradlab.dynamics import orthogonality_penalty, spectral_norm_penalty
from gradlab.training.regularisers.base import (
    Penalty,
    Regulariser,
    Weight,
    add_gradients,
    blocks,
    copies,
    recurrent_matrices,
)


class OnWeights(Penalty):
    """weight · Σ term(W) over some parameters."""

    def __init__(self, weights: dict[str, Tensor], term: Callable[[Tensor], Tensor], weight: float) -> None:
        self._weights, self._term, self._weight = weights, term, weight

    def __call__(self) -> float:
        """Differentiate the term by the weights as they are."""
        leaves = copies(self._weights)
        with torch.enable_grad():
            value = self._weight * torch.stack([self._term(leaf) for leaf in leaves.values()]).sum()
        add_gradients(self._weights, leaves, value)
        return float(value.detach())


def _matrices(model: nn.Module, name: str) -> dict[str, Tensor]:
    found = dict(recurrent_matrices(model))
    if not found:
        raise ValueError(f"regulariser {name!r}: expected a model with recurrent matrices weight_hh…, got none")
    return found


class Orthogonality(Regulariser):
    """weight · Σ ‖WᵀW − I‖_F² over the recurrent matrices, gate by gate."""

    name: Literal["orthogonality"] = "orthogonality"
    weight: Weight = 0.01
    """Of the term beside the loss."""

    def start(self, model: nn.Module) -> Penalty:
        """On all recurrent matrices."""
        return OnWeights(_matrices(model, self.name), lambda W: orthogonality_penalty(blocks(W)), self.weight)


class SpectralNorm(Regulariser):
    """weight · Σ max(σ_max(W) − limit, 0)² over the recurrent matrices, gate by gate."""

    name: Literal["spectral_norm"] = "spectral_norm"
    weight: Weight = 0.1
    """Of the term beside the loss."""
    limit: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Largest singular value that costs nothing."""

    def start(self, model: nn.Module) -> Penalty:
        """On all recurrent matrices."""
        limit = self.limit
        term = lambda W: torch.stack([spectral_norm_penalty(block, limit) for block in blocks(W)]).sum()  # noqa: E731
        return OnWeights(_matrices(model, self.name), term, self.weight)


def _weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad and weight.ndim > 1}


class L1(Regulariser):
    """weight · Σ |w| over all weight matrices; biases are left alone."""

    name: Literal["l1"] = "l1"
    weight: Weight = 1e-5
    """Of the term beside the loss."""

    def start(self, model: nn.Module) -> Penalty:
        """On all matrices."""
        return OnWeights(_weights(model), lambda W: W.abs().sum(), self.weight)


class L2(Regulariser):
    """weight · Σ w² over all weight matrices; biases are left alone. In the gradient, unlike AdamW's decay."""

    name: Literal["l2"] = "l2"
    weight: Weight = 1e-5
    """Of the term beside the loss."""

    def start(self, model: nn.Module) -> Penalty:
        """On all matrices."""
        return OnWeights(_weights(model), lambda W: W.square().sum(), self.weight)
