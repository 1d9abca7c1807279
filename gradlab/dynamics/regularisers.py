"""Penalties that keep gradients from vanishing and exploding: differentiable, for any training loop."""

from __future__ import annotations

import torch
from torch import Tensor

from gradlab.dynamics.operator import Dense, JacobianOperator


def pascanu_penalty(jacobians: Tensor | JacobianOperator, deltas: Tensor, *, detach: bool = True) -> Tensor:
    """Pascanu's Ω = Σ_t (‖δ_t J_t‖²/‖δ_t‖² − 1)², a scalar: summed over time, averaged over sequences.

    Keeps the gradient's norm along its way back, only in the direction in which it flows (Pascanu, Mikolov &
    Bengio 2013, eq. 9, with squared norms as in its code). Weight 4 in the paper, 2 in its code. Steps at
    which no gradient arrives add nothing.

    Args:
        jacobians: J_t = ∂s_t/∂s_{t−1}, `time ... states states`, with their autograd graph.
        deltas: δ_t = dL/ds_t, `time ... states`.
        detach: take the deltas as constants, as the paper does.

    Raises ValueError where the shapes do not fit.
    """
    operator = Dense(jacobians) if isinstance(jacobians, Tensor) else jacobians
    if tuple(operator.shape[:-1]) != tuple(deltas.shape):
        raise ValueError(
            f"expected deltas of shape {tuple(operator.shape[:-1])}, one for each Jacobian, got {tuple(deltas.shape)}"
        )
    if detach:
        deltas = deltas.detach()
    largest = deltas.detach().abs().amax(-1, keepdim=True)
    arrives = largest > 0
    # Ω does not depend on the size of a delta; scaled to 1, tiny ones do not underflow when squared.
    scaled = torch.where(arrives, deltas / torch.where(arrives, largest, 1.0), 1.0)
    before = operator.apply_transpose(scaled.unsqueeze(-1)).squeeze(-1).square().sum(-1)
    terms = (before / scaled.square().sum(-1) - 1).square()
    return torch.where(arrives.squeeze(-1), terms, 0.0).sum(0).mean()


def gradient_flossing(
    jacobians: Tensor | JacobianOperator, k: int, *, transient: int = 0, target: float = 0.0, seed: int = 0
) -> Tensor:
    """Mean of (λ_i − target)² over the k leading exponents in a window and over sequences, a scalar.

    Exponents are means of QR log-diagonals, differentiated through the QRs (Engelken 2023, NeurIPS, section
    3).

    Args:
        jacobians: J_t = ∂s_t/∂s_{t−1} of the window, `time ... states states`, with their autograd graph.
        k: how many of the leading exponents are pushed.
        transient: steps at the beginning that only align the basis; without gradient.
        target: in nats per step; zero keeps gradients alive.
        seed: of the orthonormal start.

    Raises ValueError for k out of range and for a transient that leaves no step.
    """
    operator = Dense(jacobians) if isinstance(jacobians, Tensor) else jacobians
    steps, (*batch, states, _) = operator.shape[0], operator.shape[1:]
    if not 1 <= k <= states or not 0 <= transient < steps:
        raise ValueError(f"expected 1 ≤ k ≤ {states} and 0 ≤ transient < {steps}, got {k} and {transient}")
    like = operator[0].dense()
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(*batch, states, k, dtype=torch.float64, generator=generator)
    basis = torch.linalg.qr(start).Q.to(like)
    total = torch.zeros(*batch, k, dtype=like.dtype, device=like.device)
    for t in range(steps):
        with torch.set_grad_enabled(torch.is_grad_enabled() and t >= transient):
            basis, upper = torch.linalg.qr(operator[t].apply(basis))
        if t >= transient:
            total = total + upper.diagonal(dim1=-2, dim2=-1).abs().log()
    return (total / (steps - transient) - target).square().mean()


def spectral_norm_penalty(weight: Tensor, limit: float = 1.0) -> Tensor:
    """Squared excess max(σ_max(W) − limit, 0)², a scalar, for `rows columns`; smooth if σ_max is simple."""
    return (torch.linalg.svdvals(weight)[..., 0] - limit).clamp(min=0).square()


def orthogonality_penalty(weight: Tensor) -> Tensor:
    """Deviation ‖WᵀW − I‖_F² from orthonormal columns (rows, if fewer), a scalar, for `rows columns`."""
    if weight.shape[-2] < weight.shape[-1]:
        weight = weight.mT
    identity = torch.eye(weight.shape[-1], dtype=weight.dtype, device=weight.device)
    return (weight.mT @ weight - identity).square().sum()
