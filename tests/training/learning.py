"""Seeded runs that show what small nets learn, and what they do not; `python -m tests.training.learning [NAME …]`.

Each is trained by gradlab's own loop and measured on held-out data; `test_learning.py` holds the short ones to what is
expected here. One thread, one run at a time.
"""

import math
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from gradlab.models import ModelSettings, build
from gradlab.tasks import Adding, DelayedRecall, Digits, Parity, Task, TemporalOrder, VideoFrames
from gradlab.training import Outcome, TrainingSettings, train


@dataclass(frozen=True)
class LearningRun:
    """One training, and what it must come to."""

    task: Task
    model: Mapping[str, Any]
    training: Mapping[str, Any]
    at_least: float = 0.0
    """Score at the end."""
    at_most: float = 1.0
    """Score at the end."""
    least_loss: float = 0.0
    """In training, at the end."""
    most_loss: float = math.inf
    """In training, at the end."""
    seed: int = 0
    common: Mapping[str, Any] = field(default_factory=lambda: {"evaluate_every": None, "evaluation_size": 1000})

    def do(self) -> Outcome:
        """Train it."""
        model = build(ModelSettings.model_validate(dict(self.model)), self.task, self.seed)
        settings = TrainingSettings.model_validate({**self.common, **self.training})
        return train(model, self.task, settings, seed=self.seed)


def adam(rate: float, steps: int, batch: int = 32, **others: Any) -> dict[str, Any]:
    """Adam with the norm clipped at 1."""
    return {"steps": steps, "batch": batch, "clip": 1.0, "optimiser": {"name": "adam", "rate": rate}, **others}


def sgd(rate: float, steps: int, clip: float | None, batch: int = 20) -> dict[str, Any]:
    """Plain gradient descent, as Pascanu, Mikolov & Bengio (2013) have it."""
    return {"steps": steps, "batch": batch, "clip": clip, "optimiser": {"name": "sgd", "rate": rate},
            "on_nonfinite": "skip"}  # fmt: skip


ADDING = adam(0.005, 1500)
PIXELS = adam(0.003, 1500)
PASCANU = {"cell": "rnn", "hidden": 50, "initialiser": {"name": "pascanu", "form": "basic_tanh"}}
VIDEO = {"cell": "lstm", "hidden": 128}
PARITY = {"cell": "gru", "hidden": 64, "initialiser": "orthogonal"}
RECALL = {"cell": "lstm", "hidden": 32, "initialiser": "chrono"}
ORTHOGONAL = {"cell": "rnn", "hidden": 64, "initialiser": "orthogonal"}

RUNS: dict[str, LearningRun] = {
    "adding, T=100, LSTM": LearningRun(Adding(steps=100), {"cell": "lstm", "hidden": 64}, ADDING, most_loss=0.01),
    "adding, T=100, tanh RNN": LearningRun(Adding(steps=100), {"cell": "rnn", "hidden": 64}, ADDING, least_loss=0.15),
    "temporal order, T=30, tanh RNN, clipped": LearningRun(
        TemporalOrder(steps=30), PASCANU, sgd(0.03, 10_000, 1.0), at_least=0.99
    ),
    "temporal order, T=30, tanh RNN, not clipped": LearningRun(
        TemporalOrder(steps=30), PASCANU, sgd(0.03, 10_000, None), at_most=0.6
    ),
    "digits by pixel, tanh RNN": LearningRun(Digits(order="pixel"), ORTHOGONAL, PIXELS, at_least=0.8),
    "digits by pixel, LSTM": LearningRun(Digits(order="pixel"), {"cell": "lstm"}, PIXELS, at_least=0.8),
    "digits by pixel, GRU": LearningRun(Digits(order="pixel"), {"cell": "gru"}, PIXELS, at_least=0.8),
    "parity, T=12, GRU": LearningRun(Parity(steps=12), PARITY, adam(0.01, 2500, 64), at_least=0.99),
    "parity, T=12, tanh RNN": LearningRun(Parity(steps=12), ORTHOGONAL, adam(0.003, 2500, 64), at_most=0.6),
    "delayed recall, 30 steps, LSTM": LearningRun(DelayedRecall(delay=30), RECALL, adam(0.01, 800), at_least=0.99),
    "video labelling, LSTM": LearningRun(VideoFrames(), VIDEO, adam(0.003, 900), at_least=0.85),
    "adding, 30 to 45 steps, GRU": LearningRun(
        Adding(steps=30, longer=0.5), {"cell": "gru", "hidden": 32}, adam(0.01, 800), most_loss=0.02
    ),
}


def main(names: list[str]) -> None:
    """Do the runs whose names contain one of these, or all; print a table."""
    torch.set_num_threads(1)
    print("| run | steps | training loss | chance | score | chance | s |\n|---|---|---|---|---|---|---|")
    for name, run in RUNS.items():
        if names and not any(part in name for part in names):
            continue
        began = time.perf_counter()
        outcome, chance = run.do(), run.task.chance
        seconds = time.perf_counter() - began
        print(
            f"| {name} | {outcome.steps} | {outcome.final_loss:.4f} | {chance.loss:.4f} | {outcome.final_score:.3f} "
            f"({run.task.score_name}) | {chance.score:.3f} | {seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
