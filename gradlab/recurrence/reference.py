"""The slow truth of every recurrence: the equations unrolled under autograd, and `torch.func` for Jacobians."""

from __future__ import annotations

import torch
from torch import Tensor

from gradlab.recurrence.base import Adjoint, Recurrence, States, Weights


def jacobian(recurrence: Recurrence, weights: Weights, inputs: Tensor, before: States) -> Tensor:
    """∂s_t/∂s_{t−1} by `torch.func.jacrev` of one step, `time batch states states`; inputs `time batch feature`."""
    sizes = [state.shape[-1] for state in before]

    def step(state: Tensor, x: Tensor) -> Tensor:
        parts = tuple(part.unsqueeze(0) for part in state.split(sizes, -1))
        return torch.cat(recurrence.step(weights, x.unsqueeze(0), parts), -1).squeeze(0)

    states = torch.cat(before, -1)
    leading = states.shape[:-1]
    rows = torch.vmap(torch.func.jacrev(step))(states.flatten(0, -2), inputs.flatten(0, -2))
    return rows.unflatten(0, leading)


def adjoint(
    recurrence: Recurrence,
    weights: Weights,
    inputs: Tensor,
    initial: States,
    direct: tuple[Tensor | None, ...],
) -> tuple[Adjoint, dict[str, Tensor]]:
    """All gradients of Σ ⟨direct, states⟩ by autograd on the unrolled equations, and those of the weights.

    Returns an adjoint without factors, and the gradient of each weight.
    """
    weights = {name: weight.detach().clone().requires_grad_() for name, weight in weights.items()}
    xs = [x.detach().clone().requires_grad_() for x in inputs]
    start = tuple(state.detach().clone().requires_grad_() for state in initial)
    states, passed = start, []
    with torch.enable_grad():
        for x in xs:
            states = recurrence.step(weights, x, states)
            for state in states:
                state.retain_grad()
            passed.append(states)
        loss = inputs.new_zeros(())
        for index, gradient in enumerate(direct):
            if gradient is not None:
                loss = loss + sum((g * s[index]).sum() for g, s in zip(gradient, passed, strict=True))
        if loss.requires_grad:  # not when nothing arrives anywhere
            loss.backward()

    def gradient_of(tensor: Tensor) -> Tensor:
        return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad

    along = tuple(torch.stack([gradient_of(s[k]) for s in passed]) for k in range(len(start)))
    result = Adjoint(along, tuple(map(gradient_of, start)), torch.stack([gradient_of(x) for x in xs]), {})
    return result, {name: gradient_of(weight) for name, weight in weights.items()}
