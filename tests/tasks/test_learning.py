"""Small nets learn the tasks: seeded runs of a minute or less, each well beyond chance; more in `tests/training`."""

import pytest

from gradlab.models import ModelSettings
from gradlab.tasks import Chaos, CopyMemory, FlipFlop, Glimpses, Task, TemporalOrder, Video
from tests.tasks.learning import learn

RUNS = [
    (Video(), ModelSettings(cell="lstm", hidden=128), 1200, 0.003, 0.85),
    (Glimpses(), ModelSettings(cell="gru", hidden=64), 1000, 0.003, 0.93),
    (FlipFlop(), ModelSettings(cell="gru", hidden=32), 400, 0.003, 0.9),
    (Chaos(), ModelSettings(cell="lstm", hidden=48), 500, 0.003, 0.7),
    (Chaos(system="mackey_glass", ahead=10), ModelSettings(cell="gru", hidden=48), 500, 0.003, 0.5),
    (CopyMemory(delay=5), ModelSettings(cell="gru", hidden=96), 1500, 0.005, 0.35),
    (TemporalOrder(steps=30), ModelSettings(cell="gru", hidden=50), 1000, 0.01, 0.99),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "settings", "steps", "rate", "reached"), RUNS, ids=lambda value: getattr(value, "name", "")
)
def test_learned(task: Task, settings: ModelSettings, steps: int, rate: float, reached: float) -> None:
    _, loss, score = learn(task, settings, steps=steps, rate=rate)
    assert score > reached and loss < task.chance.loss
