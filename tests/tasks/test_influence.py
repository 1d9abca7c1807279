"""Influence balancing: the sum of binomials against powers of the matrix, the answer −6θ, where the sign turns."""

import pytest
import torch

from gradlab.models import ModelSettings, build
from gradlab.models.influence_net import InfluenceNet
from gradlab.tasks import Adding, InfluenceBalancing
from gradlab.tasks.influence_balancing import BEST, GAIN, influence, shortest_window

FLOAT64 = ModelSettings(precision="float64")


def net(seed: int = 0) -> InfluenceNet:
    model = build(FLOAT64, InfluenceBalancing(), seed)
    assert isinstance(model, InfluenceNet)
    return model


def test_the_influence_by_lag_is_that_of_the_matrix() -> None:
    step = net().recurrent
    state = step.push.clone()
    for lag in range(80):
        assert influence(lag) == pytest.approx(float(state[0]), abs=1e-13), lag
        state = step.matrix @ state
    assert sum(influence(lag) for lag in range(2000)) == pytest.approx(GAIN, abs=1e-9)


def test_the_sign_turns_once_and_stays() -> None:
    totals = [sum(influence(lag) for lag in range(window)) for window in range(1, 200)]
    turned = shortest_window()
    assert 30 < turned <= 45, "between the windows that diverge and converge"
    assert all(total > 0 for total in totals[: turned - 1]) and all(total < 0 for total in totals[turned - 1 :])


@pytest.mark.parametrize("window", [5, 30, 45, 100])
def test_the_truncated_gradient_is_the_partial_sum(window: int) -> None:
    """At the steady state: (s − 1) times the sum of the influences within the window, over the last step alone."""
    model, task = net(), InfluenceBalancing()
    batch = task.batch(1, torch.Generator())
    inputs = batch.inputs.double()
    with torch.no_grad():
        before, state = model.unroll(inputs[:-window])
    outputs, _ = model.unroll(inputs[-window:], state)
    (0.5 * (outputs[-1] - 1).square()).sum().backward()
    value = GAIN * float(model.recurrent.theta.detach())
    assert float(before[-1]) == pytest.approx(value, rel=1e-12)
    expected = (value - 1) * sum(influence(lag) for lag in range(window))
    assert float(model.recurrent.theta.grad) == pytest.approx(expected, rel=1e-9)


def test_the_score_is_how_far_the_parameter_is_off() -> None:
    model, task = net(), InfluenceBalancing(steps=500)
    batch = task.batch(2, torch.Generator())
    for theta in (0.3, -2.0, BEST):
        with torch.no_grad():
            model.recurrent.theta.fill_(theta)
        assert task.score(model(batch.inputs.double()), batch) == pytest.approx(abs(theta - BEST), abs=1e-12)


def test_it_starts_near_zero_and_elsewhere_for_another_seed() -> None:
    first, second = (float(net(seed).recurrent.theta.detach()) for seed in (0, 1))
    assert first != second and abs(first) < 0.3 and abs(second) < 0.3


def test_no_other_task_has_such_a_net() -> None:
    class Other(Adding):
        net = "influence_balancing"

    with pytest.raises(ValueError, match="expected a task with states and raised, got Other"):
        build(FLOAT64, Other(), 0)
