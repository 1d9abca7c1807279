"""The recurrent part of a model with its first weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from gradlab.models.cells import recurrent_part
from gradlab.models.initialisers import ForgetBias, Surroundings
from gradlab.models.settings import ModelSettings

Part = TypeVar("Part", bound=nn.Module)


def recurrent_layers(input_size: int, settings: ModelSettings, length: int, inputs: Callable[[], Tensor]) -> nn.Module:
    """Recurrent layers as the settings have them, initialised from torch's global generator.

    Args:
        input_size: features per time step.
        settings: of the model.
        length: time steps of the task's sequences.
        inputs: gives what the layers will read, `time batch feature`; only some initialisers ask.
    """
    return started(recurrent_part(input_size, settings), settings, length, inputs)


def started(recurrent: Part, settings: ModelSettings, length: int, inputs: Callable[[], Tensor]) -> Part:
    """Layers with the first weights that the settings ask for."""
    if any(parameter.is_meta for parameter in recurrent.parameters()):
        return recurrent  # without memory behind them there are no weights to start with
    surroundings = Surroundings(settings.nonlinearity, length, inputs)
    with torch.no_grad():
        settings.initialiser.apply(recurrent, surroundings)
        if settings.forget_bias is not None:
            ForgetBias(value=settings.forget_bias).apply(recurrent, surroundings)
    return recurrent
