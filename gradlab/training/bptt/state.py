"""Hidden states as they are carried from one stretch of a sequence to the next, whatever they are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor


def mapped(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same nest of tuples, lists and mappings with every tensor in it changed; None stays None.

    Raises TypeError for anything else in it.
    """
    if state is None:
        return None
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, tuple | list):
        return type(state)(mapped(part, change) for part in state)
    if isinstance(state, dict):
        return {name: mapped(part, change) for name, part in state.items()}
    raise TypeError(f"expected a state made of tensors, got a {type(state).__name__} in it")


def tensors(state: Any) -> list[Tensor]:
    """All tensors of a state, in order."""
    found: list[Tensor] = []

    def keep(part: Tensor) -> Tensor:
        found.append(part)
        return part

    mapped(state, keep)
    return found


def detached(state: Any) -> Any:
    """The state without its history: the gradient ends here."""
    return mapped(state, Tensor.detach)


def leaf(state: Any) -> Any:
    """The state without its history, ready to be told the gradient that arrives at it."""
    return mapped(state, lambda part: part.detach().requires_grad_(part.is_floating_point() or part.is_complex()))
