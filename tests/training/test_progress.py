"""How often a run reports, and what."""

import itertools
import math

import pytest

from gradlab.training import TrainingSettings, train
from gradlab.training import progress as module
from gradlab.training.progress import Throttle
from tests.training.spy import SMALL, small_model


def test_first_last_and_ten_a_second_between(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    seen: list[tuple[int, float]] = []
    throttle = Throttle(lambda step, steps, loss, grad_norm: seen.append((step, now)))
    for step in range(1, 1001):
        now = step * 0.00731
        throttle(step, 1000, 0.0, 0.0)
    assert seen[0][0] == 1 and seen[-1][0] == 1000
    gaps = [later - earlier for (_, earlier), (_, later) in itertools.pairwise(seen[:-1])]
    assert min(gaps) >= 0.1 and max(gaps) < 0.11


def test_a_run_reports_loss_and_norm() -> None:
    seen: list[tuple[int, int, float, float]] = []
    settings = TrainingSettings(steps=5, batch=4, evaluation_size=8)
    outcome = train(small_model(), SMALL, settings, seed=0, progress=lambda *report: seen.append(report))
    assert seen[0][:2] == (1, 5) and seen[-1][:2] == (5, 5)
    assert seen[-1][2] == outcome.final_loss
    assert all(math.isfinite(loss) and norm > 0 for _, _, loss, norm in seen)
