"""Dead ReLUs: a unit counts that is zero at every time step of every sequence, and not one that is merely seldom on."""

import numpy as np
import pytest
import torch
from torch import nn

import gradlab
from gradlab.diagnosis import diagnose
from tests.diagnosis.synthetic import runs, steps, timesteps, well

UNITS = 24


def watched(bias: float, alive: int = 0) -> gradlab.recording.Recorder:
    """Twelve steps of a ReLU net that reads one of `UNITS` words at a time; a unit stands for a word.

    All biases are `bias`, but those of the first `alive` units are 0.
    """
    torch.manual_seed(0)
    rnn, head = nn.RNN(UNITS, UNITS, nonlinearity="relu"), nn.Linear(UNITS, 1)
    net = nn.ModuleDict({"rnn": rnn, "head": head})
    biases = torch.full((UNITS,), bias)
    biases[:alive] = 0
    nothing = torch.zeros(UNITS)
    rnn.load_state_dict({
        "weight_ih_l0": torch.eye(UNITS), "weight_hh_l0": torch.zeros(UNITS, UNITS),
        "bias_ih_l0": biases, "bias_hh_l0": nothing,
    })  # fmt: skip
    with gradlab.watch(net, every=4) as recorder:
        for _ in range(12):
            words = torch.stack([torch.randperm(UNITS) for _ in range(4)], 1)
            states, _ = rnn(nn.functional.one_hot(words, UNITS).float())
            loss = (head(states) - torch.randn(UNITS, 4, 1)).square().mean()
            loss.backward()
            recorder.step(loss)
    return recorder


def test_sparse_net_is_alive() -> None:
    """Each unit answers to one word of 24: 96 % of the states are zero, and no unit is dead."""
    recorder = watched(0.0)
    times = recorder.frame("timesteps")
    assert times["saturation"].min() > 0.95
    # with each word that is read one unit more has been seen awake in every one of the four sequences
    assert times.query("t == 23")["dead"].tolist() == [0.0] * 3
    assert (times.query("step == 0")["dead"].diff().dropna() <= 0).all()
    found = diagnose(recorder)
    assert "dead_relus" not in [one.name for one in (*found, *found.unjudged)]


def test_net_that_never_wakes_is_dead() -> None:
    recorder = watched(-2.0, alive=1)
    assert recorder.frame("timesteps").query("t == 23")["dead"].tolist() == pytest.approx([23 / 24] * 3)
    found = next(one for one in diagnose(recorder) if one.name == "dead_relus")
    assert "96% of them are never active" in found.title and found.certainty == "likely"


def test_run_recorded_before_units_were_looked_at() -> None:
    relu = runs(**{"model__cell": "rnn", "model__nonlinearity": "relu"})
    old = well(steps=steps(np.full(60, 1.0)), runs=relu, timesteps=timesteps(saturation=0.97), gates=None)
    assert "dead_relus" in {each.name for each in diagnose(old).unjudged}
    old["timesteps"] = timesteps(saturation=0.4)
    assert "dead_relus" not in {each.name for each in diagnose(old).unjudged}, "fewer zeros than that are proof enough"


def test_half_of_the_units_are_missed_where_nothing_is_learned() -> None:
    """At chance half of them count; a net of which it is not known how well it does needs nearly all of them to die."""
    half = {"timesteps": timesteps(saturation=0.97, dead=0.6), "gates": None}
    relu = {"model__cell": "rnn", "model__nonlinearity": "relu"}
    for chance, found in ((1.0, True), (np.nan, False), (9.0, False)):
        about = runs(**relu, chance_loss=chance)
        named = {one.name for one in diagnose(well(steps=steps(np.full(60, 1.0)), runs=about, **half))}
        assert ("dead_relus" in named) == found, chance


def test_padding_neither_wakes_a_unit_nor_puts_it_to_sleep() -> None:
    """Against a count of what the module gives, for sequences of different lengths."""
    torch.manual_seed(1)
    net = nn.RNN(3, 16, nonlinearity="relu", bidirectional=True)
    lengths = torch.tensor([9, 5, 2])
    with gradlab.watch(net, every=1, sequences="all") as recorder:
        packed = nn.utils.rnn.pack_padded_sequence(torch.randn(9, 3, 3) - 1, lengths)
        out, _ = nn.utils.rnn.pad_packed_sequence(net(packed)[0])
        out.sum().backward()
        recorder.step(out.sum())
    times = recorder.frame("timesteps")
    real = (torch.arange(9).unsqueeze(1) < lengths).unsqueeze(-1)
    for direction in (0, 1):
        awake = ((out[..., 16 * direction : 16 * (direction + 1)] > 0) & real).any(1)
        expected = [1 - awake[: t + 1].any(0).double().mean().item() for t in range(9)]
        found = times.query(f"direction == {direction}").sort_values("t")["dead"]
        np.testing.assert_allclose(found, expected)
