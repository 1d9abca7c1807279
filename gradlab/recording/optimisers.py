"""Listening to optimisers: what they are given after clipping, by whatever means, and when they have acted."""

from __future__ import annotations

import weakref
from typing import Any, Protocol

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.hooks import RemovableHandle

from gradlab.recording.steps import total_norm


class Listener(Protocol):
    """Who is told about optimisers."""

    def concerns(self, optimiser: Optimizer) -> bool:
        """Whether this optimiser is of interest."""

    def before_optimiser(self, optimiser: Optimizer) -> None:
        """Called before its step."""

    def after_optimiser(self) -> None:
        """Called after its step."""


def listen(listener: weakref.ref[Any]) -> list[RemovableHandle]:
    """Hooks around the step of every optimiser; they do not keep a forgotten listener alive."""

    def before(optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        alive: Listener | None = listener()
        if alive is not None and alive.concerns(optimiser):
            alive.before_optimiser(optimiser)

    def after(optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        alive: Listener | None = listener()
        if alive is not None and alive.concerns(optimiser):
            alive.after_optimiser()

    return [register_optimizer_step_pre_hook(before), register_optimizer_step_post_hook(after)]


def remove(hooks: list[RemovableHandle]) -> None:
    """Take hooks off again."""
    for hook in hooks:
        hook.remove()


def cosine(raw: list[Tensor], clipped: list[Tensor]) -> float:
    """Cosine between two lists of gradients, in float64; NaN where one of them is zero or not finite."""
    if len(raw) != len(clipped):
        return float("nan")
    dot = sum(float((a.double() * b.double()).sum()) for a, b in zip(raw, clipped, strict=True))
    scale = float(total_norm(raw)) * float(total_norm(clipped))
    return dot / scale if scale > 0 else float("nan")
