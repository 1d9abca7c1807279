"""Randomised truncation: its expectation over all cuts is the full gradient, exactly."""

import itertools
import math

import numpy as np
import pytest
import torch

from gradlab.tasks import Task
from gradlab.training.bptt import Full, Randomised
from gradlab.training.bptt.randomised import RandomWindows
from tests.training.bptt.tasks import EveryStep
from tests.training.spy import SMALL, small_model


class Scripted(RandomWindows):
    """Cuts as it is told, and remembers how likely that was."""

    def __init__(self, *given: object, script: tuple[bool, ...]) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.script = iter(script)
        self.likelihood = 1.0
        self.asked = 0

    def _is_cut(self, steps: int) -> bool:
        cut = next(self.script)
        probability = self.settings.probability(steps)
        self.likelihood *= probability if cut else 1 - probability
        self.asked += 1
        return cut


def gradient(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([weight.grad.flatten() for weight in model.parameters()])


@pytest.mark.parametrize("task", [SMALL, EveryStep(steps=7)], ids=["end", "every"])
@pytest.mark.parametrize("grain, length, exponent", [(1, 3, 4.0), (1, 8, 2.1), (2, 3, 4.0), (3, 2, 6.0)])
@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_the_mean_over_all_cuts_is_the_full_gradient(
    task: Task, grain: int, length: int, exponent: float, cell: str
) -> None:
    model = small_model(task, cell=cell, layers=2, precision="float64")
    Full().start(task, 3, 5)(model)
    expected = gradient(model)
    settings = Randomised(length=length, exponent=exponent, grain=grain)
    mean, total, patterns = torch.zeros_like(expected), 0.0, 0
    candidates = math.ceil(task.length / grain) - 1
    seen = set()
    for script in itertools.product((False, True), repeat=candidates):
        way = Scripted(task, 3, 5, settings, script=script)
        model.zero_grad()
        way(model)
        while way.walk.position < task.length:
            way(model)  # gradients of the windows of one sequence add up in .grad
        used = script[: way.asked]
        if used in seen:
            continue  # a cut shifts where further ones may come, so that some scripts are longer than needed
        seen.add(used)
        scale = 1.0 if task.reads == "last" else length / task.length
        mean += way.likelihood * scale * gradient(model)
        total += way.likelihood
        patterns += 1
    assert total == pytest.approx(1.0, rel=1e-12) and patterns == 2**candidates
    torch.testing.assert_close(mean, expected, rtol=1e-9, atol=1e-12)


def test_one_cut_pattern_alone_is_not_the_full_gradient() -> None:
    model = small_model(EveryStep(), precision="float64")
    Full().start(EveryStep(), 3, 5)(model)
    expected = gradient(model)
    model.zero_grad()
    way = Scripted(EveryStep(), 3, 5, Randomised(length=11), script=(False,) * 10)
    way(model)
    assert not torch.allclose(gradient(model), expected, rtol=1e-3)


@pytest.mark.parametrize("length, exponent", [(10, 6.0), (25, 8.0)])
def test_windows_have_the_mean_length_that_is_asked_for(length: int, exponent: float) -> None:
    settings = Randomised(length=length, exponent=exponent)
    survival, mean = 1.0, 0.0
    for steps in range(1, 200_000):
        mean += survival
        survival *= 1 - settings.probability(steps)
    assert mean == pytest.approx(length, rel=0.06), "the formula is that of continuous time"
    way = RandomWindows(EveryStep(), 1, 0, settings)
    drawn = [way._cuts(100_000)[0][-1] for _ in range(2000)]
    assert np.mean(drawn) == pytest.approx(mean, abs=4 * np.std(drawn) / math.sqrt(2000))


def test_a_coarse_grain_cuts_as_often() -> None:
    fine, coarse = Randomised(length=20), Randomised(length=20, grain=5)
    survival = math.prod(1 - fine.probability(steps) for steps in range(1, 6))
    assert 1 - coarse.probability(5) == pytest.approx(survival, rel=1e-12)
