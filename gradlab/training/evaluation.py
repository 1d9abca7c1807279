"""How good the model is on held-out data, measured without leaving a trace in the training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from gradlab.tasks import Task
from gradlab.training.placement import on_model
from gradlab.training.seeds import generator


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Loss and score on held-out sequences."""

    loss: float
    score: float


def evaluate(model: nn.Module, task: Task, size: int, seed: int) -> Evaluation:
    """Score the model on the same held-out sequences every time, in evaluation mode and without gradient.

    It draws from a generator of its own, so the training's random stream, and with it every later step, is
    the same with and without it.

    Args:
        model: gives the answers that the task scores.
        task: gives sequences of its split `test`.
        size: how many of them.
        seed: the run's; the sequences are a function of it.
    """
    batch = on_model(task.batch(size, generator(seed, "evaluation"), "test"), model)
    with torch.no_grad(), evaluation_mode(model):
        outputs = model(batch.inputs)
        return Evaluation(float(task.loss(outputs, batch)), float(task.score(outputs, batch)))


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards every module is in the mode that it had, frozen parts included."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
