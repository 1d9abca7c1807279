"""What counts as a step that went wrong, and how it is told."""

from __future__ import annotations

import math

from torch import nn

from gradlab.errors import GradlabError


class NonfiniteError(GradlabError, FloatingPointError):
    """A loss or a gradient was NaN or infinite, and the settings say to raise."""


def describe_nonfinite(model: nn.Module, loss: float, norm: float) -> str:
    """What is NaN or infinite after `backward()`, in words; empty when nothing is.

    Args:
        model: its parameters and their gradients are searched when loss or norm give cause.
        loss: of this step.
        norm: of the whole gradient.
    """
    if math.isfinite(loss) and math.isfinite(norm):
        return ""
    weights = [name for name, weight in model.named_parameters() if not weight.detach().isfinite().all()]
    if weights:
        return f"the weights {', '.join(weights)} are no longer finite"
    if not math.isfinite(loss):
        return f"the loss is {loss}"
    grads = [
        name
        for name, weight in model.named_parameters()
        if weight.grad is not None and not weight.grad.isfinite().all()
    ]
    return f"the gradient of {', '.join(grads)} is not finite (norm {norm})"
