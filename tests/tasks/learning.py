"""A training by hand, so that task and model are tried without anything else in play."""

import torch
from torch import nn

from gradlab.models import ModelSettings, build
from gradlab.tasks import Task


def learn(
    task: Task, settings: ModelSettings, *, steps: int, batch: int = 32, rate: float = 0.003, clip: float = 1.0
) -> tuple[nn.Module, float, float]:
    """The trained model, and its loss and score on a thousand test sequences, by Adam with clipping."""
    model = build(settings, task, 0)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        drawn = task.batch(batch, generator)
        loss = task.loss(model(drawn.inputs), drawn)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimiser.step()
    drawn = task.batch(1000, generator, "test")
    model.eval()
    with torch.no_grad():
        outputs = model(drawn.inputs)
        loss, score = float(task.loss(outputs, drawn)), task.score(outputs, drawn)
    print(f"{task.name}: loss {loss:.4f} (chance {task.chance.loss:.4f}), {task.score_name} {score:.4f}")
    return model, loss, score
