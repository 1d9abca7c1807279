"""Runs that no study describes: a plain torch net with a loop of its own, and a recorder attached to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gradlab import recording
from gradlab.diagnosis import Diagnosis, diagnose
from gradlab.models import ModelSettings
from gradlab.models.initialisers.base import Surroundings
from gradlab.training import TrainingSettings
from tests.diagnosis.dotted import tree_of

Data = tuple[Tensor, Tensor]
"""Inputs `time batch feature`, and targets `batch` (the last step) or `time batch`."""


def first(length: int, batch: int) -> Data:
    """Of noise, the very first number."""
    x = torch.randn(length, batch, 1)
    return x, x[0, :, 0]


def mean(length: int, batch: int) -> Data:
    """Of numbers that share an offset, their mean."""
    x = torch.randn(1, batch, 1) + 0.3 * torch.randn(length, batch, 1)
    return x, x.mean((0, 2))


def majority(length: int, batch: int) -> Data:
    """Of signs, whether most are positive."""
    chance = torch.rand(batch)
    x = 2.0 * (torch.rand(length, batch, 1) < chance.unsqueeze(-1)) - 1.0
    return x, (x.sum((0, 2)) > 0).long()


def neighbours(length: int, batch: int) -> Data:
    """At every step, whether the number before is smaller than the one behind: it takes both directions."""
    x = torch.randn(length, batch, 1)
    around = functional.pad(x[..., 0], (0, 0, 1, 1))
    return x, (around[:-2] < around[2:]).long()


TASKS: dict[str, Callable[[int, int], Data]] = {
    "first": first,
    "mean": mean,
    "majority": majority,
    "neighbours": neighbours,
}
CHANCE = {"first": 1.0, "mean": 1.0, "majority": math.log(2), "neighbours": math.log(2)}
"""Losses of nets that answer without looking."""
CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Net(nn.Module):
    """What a user would write: torch's recurrent module, and a linear layer."""

    def __init__(self, model: ModelSettings, classes: int, *, bidirectional: bool, at_last: bool) -> None:
        super().__init__()
        more = {"nonlinearity": model.nonlinearity} if model.cell == "rnn" else {}
        self.body = CELLS[model.cell](1, model.hidden, model.layers, bidirectional=bidirectional, **more)
        self.head = nn.Linear(model.hidden * (2 if bidirectional else 1), classes)
        self.at_last = at_last

    def forward(self, x: Tensor) -> Tensor:
        """Answers `batch class` or `time batch class`."""
        states = self.body(x)[0]
        return self.head(states[-1] if self.at_last else states)


def built(settings: Mapping[str, Any], model: ModelSettings) -> Net:
    """The net, with what the settings do to its weights by hand."""
    task = settings["hand.task"]
    classes = 1 if task in ("first", "mean") else 2
    both = settings.get("hand.bidirectional", False)
    net = Net(model, classes, bidirectional=both, at_last=task != "neighbours")
    length = settings["hand.length"]
    with torch.no_grad():
        net.body.bias_hh_l0.add_(settings.get("hand.bias", 0.0))
    # after what was done by hand: an initialiser that says what biases are must have the last word
    model.initialiser.apply(net.body, Surroundings(model.nonlinearity, length, lambda: TASKS[task](length, 16)[0]))
    with torch.no_grad():
        if model.forget_bias is not None:
            for name, bias in net.body.named_parameters():
                if "bias" in name:
                    bias[model.hidden : 2 * model.hidden] = model.forget_bias / 2
    return net


def loss_of(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of classes, and the squared error of numbers."""
    if targets.dtype == torch.int64:
        return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())
    return (outputs.squeeze(-1) - targets).square().mean()


def watched(settings: Mapping[str, Any]) -> recording.Recorder:
    """Train and record; keys that begin with `hand.` are this file's, the others those of a study."""
    torch.manual_seed(settings["seed"])
    tree = tree_of(settings)
    training = TrainingSettings.model_validate(tree["training"])
    net = built(settings, ModelSettings.model_validate(tree["model"]))
    optimiser = training.optimiser.start(net.parameters())
    clip = training.clip.start()
    recorder = recording.watch(net, every=settings.get("record.every", 10), tables=settings.get("record.tables"))
    with recorder:
        for step in range(training.steps):
            x, y = TASKS[settings["hand.task"]](settings["hand.length"], training.batch)
            if step == settings.get("hand.gap_at"):
                x[len(x) // 2, 0] = math.nan
            loss = loss_of(net(x * settings.get("hand.units", 1.0)), y)
            optimiser.zero_grad()
            loss.backward()
            recorder.step(loss)
            clip(net.parameters())
            optimiser.step()
    return recorder


def judged(settings: Mapping[str, Any], recorder: recording.Recorder) -> Diagnosis:
    """Diagnosed as its owner would: with what the task demands, or with the recorder alone."""
    if not settings.get("hand.told", False):
        return diagnose(recorder)
    lag = {"demanded_lag": settings["hand.length"] - 1} if settings["hand.task"] == "first" else {}
    return diagnose(recorder, chance_loss=CHANCE[settings["hand.task"]], **lag)
