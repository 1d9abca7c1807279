"""Tasks that are long streams: which they are, and that reading them window by window is reading them once."""

import pytest
import torch

from gradlab.models import ModelSettings, build
from gradlab.tasks import Adding, Characters, FlipFlop
from gradlab.training import TrainingSettings, train
from gradlab.training.bptt import Streams
from gradlab.training.bptt.walk import walk

TEXT = Characters(steps=20)


def test_which_tasks_are_streams() -> None:
    assert isinstance(TEXT, Streams)
    assert not isinstance(Adding(), Streams) and not isinstance(FlipFlop(), Streams)


@pytest.mark.parametrize("size, steps", [(1, 7), (4, 50), (33, 111)])
def test_windows_side_by_side_are_the_text(size: int, steps: int) -> None:
    path = walk(TEXT, size, 0)
    model = build(ModelSettings(hidden=2), TEXT, 0)
    parts, inputs, targets = TEXT.part("train"), [], []
    for _ in range(5):
        batch = path.batch(*path.window(steps), model)
        assert isinstance(batch.inputs, torch.Tensor)
        inputs.append(batch.inputs)
        targets.append(batch.targets)
    for lane in range(size):
        begin = lane * path.length
        assert torch.equal(torch.cat(inputs)[:, lane], parts[begin : begin + 5 * steps])
        assert torch.equal(torch.cat(targets)[:, lane], parts[begin + 1 : begin + 5 * steps + 1])
    assert size * path.length < len(parts) <= size * (path.length + 1)


def test_a_language_model_learns_from_streams() -> None:
    net = build(ModelSettings(cell="gru", hidden=48), TEXT, 0)
    settings = TrainingSettings.model_validate(
        {
            "steps": 250, "batch": 16, "bptt": {"name": "truncated", "k1": 25}, "clip": 1.0,
            "optimiser": {"name": "adam", "rate": 0.01}, "evaluate_every": None, "evaluation_size": 64,
        }
    )  # fmt: skip
    outcome = train(net, TEXT, settings, seed=0)
    assert outcome.final_score < TEXT.chance.score - 0.8, "bits per character, far below the frequencies alone"
