"""Findings say since which training step they hold: from the first recorded one, from the middle, or not at all."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gradlab.diagnosis import Where, diagnose
from gradlab.diagnosis.case import beginning
from tests.diagnosis.synthetic import COUNT, RECORDED, Frames, gates, lyapunov, runs, steps, timesteps, well

FLAT = np.full(COUNT, 1.0)
FROM = RECORDED[2]
"""The training step from which on tables are sick."""


def from_then_on(healthy: pd.DataFrame, sick: pd.DataFrame, since: int = FROM) -> pd.DataFrame:
    return pd.concat([healthy[healthy["step"] < since], sick[sick["step"] >= since]], ignore_index=True)


def test_beginning_is_that_of_the_last_unbroken_stretch() -> None:
    def of(*holds: bool) -> int | None:
        return beginning(pd.Series(holds, index=[10 * place for place in range(len(holds))], dtype=bool))

    assert of(True, True, True) == 0
    assert of(True, False, True, True) == 20
    assert of(True, True, False) is None
    assert of(False) is None and of() is None
    unordered = pd.Series([True, False, True], index=[20, 0, 10])
    assert beginning(unordered) == 10


RELU = {"model__cell": "rnn", "model__nonlinearity": "relu"}
CASES: dict[str, Callable[[int], Frames]] = {
    "vanishing": lambda since: well(steps=steps(FLAT), timesteps=from_then_on(timesteps(0.95), timesteps(0.6), since)),
    "exploding": lambda since: well(steps=steps(FLAT), timesteps=from_then_on(timesteps(0.95), timesteps(1.5), since)),
    "saturated_units": lambda since: well(
        steps=steps(FLAT),
        runs=runs(model__cell="rnn"),
        timesteps=from_then_on(timesteps(), timesteps(saturation=0.9), since),
        gates=None,
    ),
    "saturated_gates": lambda since: well(
        steps=steps(FLAT), gates=from_then_on(gates(), gates().assign(low=0.8), since)
    ),
    "dead_relus": lambda since: well(
        steps=steps(FLAT),
        runs=runs(**RELU),
        timesteps=from_then_on(timesteps(dead=0.0), timesteps(saturation=0.995, dead=0.995), since),
        gates=None,
    ),
    "chaotic": lambda since: well(steps=steps(FLAT), lyapunov=from_then_on(lyapunov(), lyapunov(0.24, 0.01), since)),
}


@pytest.mark.parametrize("since", [RECORDED[0], FROM, RECORDED[-2]])
@pytest.mark.parametrize("rule", CASES)
def test_says_since_when(rule: str, since: int) -> None:
    found = [finding for finding in diagnose(CASES[rule](since)) if finding.name == rule]
    assert found[0].where.since == since


def test_of_leaps_the_first_spike_is_told_and_of_a_breakdown_its_step() -> None:
    losses, norms = np.full(COUNT, 1.0), np.full(COUNT, 1.0)
    for step in (25, 45):
        losses[step + 1], norms[step] = 9.0, 50.0
    leaps = {finding.name: finding for finding in diagnose(well(steps=steps(losses, norms)))}
    assert leaps["exploding"].where.since == 25
    broken = {each.name: each for each in diagnose(well(steps=steps([*FLAT[:-7], *[np.nan] * 7])))}
    assert broken["nonfinite"].where.since == COUNT - 7


def test_what_has_no_beginning_states_none() -> None:
    clipped: dict[str, Any] = {"clip_fired": True, "clip_coefficient": 0.01, "clip_threshold": 0.01}
    found = {each.name: each for each in diagnose(well(steps=steps(**clipped, grad_norm_clipped=0.01)))}
    assert found["clipping_always"].where.since is None


def test_stands_in_words_and_in_the_frame() -> None:
    assert str(Where("m", 0, None, 300, 390, 40)) == "module m, layer 0, training steps 300 to 390, since step 40"
    assert str(Where(first_step=7, since=7)) == "training step 7", "it is not said twice"
    found = diagnose(CASES["vanishing"](FROM))
    row = found.frame().set_index("name").loc["vanishing"]
    assert row["since"] == FROM and row["about"] == "vanishing"
