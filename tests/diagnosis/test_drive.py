"""Saturation: whether the recurrent matrix can be its cause, and whether a net came to it by learning."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from gradlab.diagnosis import Finding, diagnose
from tests.diagnosis.synthetic import COUNT, RECORDED, Frames, gates, parameters, runs, steps, timesteps, well

FLAT = np.full(COUNT, 1.0)
HALFWAY = steps(np.linspace(1.0, 0.5, COUNT))
"""Half of the way from chance to perfect."""


def weights(norm: float) -> pd.DataFrame:
    return parameters().assign(spectral_norm=norm)


def found(frames: Frames, rule: str) -> Finding:
    return next(finding for finding in diagnose(frames) if finding.name == rule)


def ends(at_start: float, late: float) -> pd.DataFrame:
    """The share of every gate's units at its lower end, at the first recorded step and at all others."""
    table = gates()
    return table.assign(low=np.where(table["step"] == RECORDED[0], at_start, late), high=0.0)


@pytest.mark.parametrize(
    "rule, end, more",
    [
        ("saturated_units", math.atanh(0.99), {"runs": runs(model__cell="rnn"), "gates": None}),
        ("initial_scale", math.atanh(0.99), {"runs": runs(model__cell="rnn"), "gates": None}),
        ("saturated_gates", math.log(99), {"gates": gates().assign(low=0.81, high=0.0)}),
    ],
)
def test_a_matrix_too_small_to_saturate_is_not_blamed(rule: str, end: float, more: Frames) -> None:
    bound = end * math.sqrt(0.81) / 2
    tables = {"steps": steps(FLAT), "timesteps": timesteps(saturation=0.81)} | more
    if rule == "saturated_gates":  # candidates, which have a tanh, stand at their ends from smaller numbers on
        tables["gates"] = tables["gates"][lambda rows: rows["gate"] != "g"]
    small = found(well(**tables, parameters=weights(0.99 * bound)), rule)
    assert not small.advice.keys and "inputs" in small.advice.words
    large = found(well(**tables, parameters=weights(1.01 * bound)), rule)
    assert large.advice.keys["model.initialiser"] == {"name": "orthogonal"}


def test_gates_that_learning_drove_to_their_ends_are_a_note() -> None:
    learning = found(well(steps=HALFWAY, gates=ends(0.1, 0.6)), "saturated_gates")
    assert (learning.weight, learning.certainty) == ("note", "weak")


@pytest.mark.parametrize(
    "losses, at_start, late",
    [(HALFWAY, 0.6, 0.6), (HALFWAY, 0.1, 0.85), (steps(FLAT), 0.1, 0.6)],
    ids=["from the start", "nearly all of them", "nothing was learned"],
)
def test_other_saturated_gates_are_a_problem(losses: pd.DataFrame, at_start: float, late: float) -> None:
    assert found(well(steps=losses, gates=ends(at_start, late)), "saturated_gates").weight == "problem"


def test_standardising_makes_mean_and_deviation_right() -> None:
    advice = found(
        well(
            steps=steps(FLAT), gates=None, timesteps=timesteps(saturation=0.9), runs=runs(model__cell="rnn"),
            parameters=weights(0.5),
        ),
        "saturated_units",
    ).advice  # fmt: skip
    names = {"inputs": 300 + 40 * torch.randn(10, 16, 3, generator=torch.Generator().manual_seed(0))}
    exec(advice.code, names)
    assert names["inputs"].mean().abs() < 1e-4 and (names["inputs"].std((0, 1)) - 1).abs().max() < 1e-4


def test_the_identity_comes_with_biases_of_zero() -> None:
    """As in the paper and in the initialiser: a unit that its bias keeps silent stays so whatever the matrix is."""
    relu = runs(model__cell="rnn", model__nonlinearity="relu")
    dead = timesteps(saturation=0.995, dead=0.995)
    advice = found(well(steps=steps(FLAT), runs=relu, timesteps=dead, gates=None), "dead_relus").advice
    model = nn.RNN(2, 4, nonlinearity="relu")
    exec(advice.code, {"model": model, "torch": torch})
    assert torch.equal(model.weight_hh_l0.data, torch.eye(4))
    assert not model.bias_ih_l0.any() and not model.bias_hh_l0.any() and model.weight_ih_l0.any()
