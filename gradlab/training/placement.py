"""Where a model is, and how batches get there."""

from __future__ import annotations

import torch
from torch import nn

from gradlab.tasks import Batch


def placement(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Device and precision of the first floating-point parameter; ValueError for a model without any."""
    for parameter in model.parameters():
        if parameter.is_floating_point():
            return parameter.device, parameter.dtype
    raise ValueError(f"expected a model with trainable parameters, got a {type(model).__name__} without any")


def on_model(batch: Batch, model: nn.Module) -> Batch:
    """The batch on the model's device and in its precision."""
    return batch.to(*placement(model))
