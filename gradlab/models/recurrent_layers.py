"""The recurrent part of a model with its first weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gradlab.models.cells import recurrent_part
from gradlab.models.initialisers import ForgetBias, Surroundings
from gradlab.models.settings import ModelSettings


def recurrent_layers(input_size: int, settings: ModelSettings, length: int, inputs: Callable[[], Tensor]) -> nn.Module:
    """Recurrent layers as the settings have them, initialised from torch's global generator.

    Args:
        input_size: features per time step.
        settings: of the model.
        length: time steps of the task's sequences.
        inputs: gives what the layers will read, `time batch feature`; only some initialisers ask.
    """
    recurrent = recurrent_part(input_size, settings)
    if any(parameter.is_meta for parameter in recurrent.parameters()):
        return recurrent  # without memory behind them there are no weights to start with
    surroundings = Surroundings(settings.nonlinearity, length, inputs)
    with torch.no_grad():
        settings.initialiser.apply(recurrent, surroundings)
        if settings.forget_bias is not None:
            ForgetBias(value=settings.forget_bias).apply(recurrent, surroundings)
    return recurrent
