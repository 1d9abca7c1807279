"""From settings, task and seed to a model with its first weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from gradlab.models.caption_model import caption_model
from gradlab.models.encoder_decoder import encoder_decoder
from gradlab.models.influence_net import influence_net
from gradlab.models.interface import TaskInterface
from gradlab.models.sequence_model import sequence_model
from gradlab.models.settings import ModelSettings
from gradlab.models.stack import deep_model

_PRECISIONS = {"float32": torch.float32, "float64": torch.float64}

KINDS: dict[str, Callable[[ModelSettings, TaskInterface], nn.Module]] = {
    "sequence": sequence_model,
    "encoder_decoder": encoder_decoder,
    "captions": caption_model,
    "influence_balancing": influence_net,
}
"""How to make the kinds of net that tasks can ask for; a further kind is one file and one line here."""


def build(settings: ModelSettings, task: TaskInterface, seed: int) -> nn.Module:
    """A fresh model on the CPU, in training mode, of the kind that the task needs.

    Its weights are a function of settings, task and seed; torch's global generator is left as it was. Raises
    ValueError for a task of an unknown kind.
    """
    if task.net not in KINDS:
        raise ValueError(f"expected a task whose net is one of {', '.join(KINDS)}, got {task.net!r}")
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        make = KINDS[task.net] if settings.depth is None else deep_model
        model = make(settings, task)
    return model.to(_PRECISIONS[settings.precision])
