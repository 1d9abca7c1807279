"""Numbers that are not finite: named where they were born, with the steps before them, or a stop at the first."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import gradlab
from tests.recording.test_watch import Regressor


def test_a_nan_is_named_where_it_was_born():
    torch.manual_seed(0)
    model = nn.Sequential()
    model.rnn = nn.LSTM(3, 6, num_layers=3)
    recorder = gradlab.watch(model, every=1)
    x = torch.randn(60, 2, 3)
    x[37, 0, 0] = float("nan")
    loss = model.rnn(x)[0].sum()
    loss.backward()
    recorder.step(loss)
    recorder.close()
    assert recorder.frame("steps")["first_nonfinite"][0] == "input of rnn, layer 0, time step 37"
    times = recorder.frame("timesteps")
    assert times.query("layer == 0 and t < 37")["state_norm"].notna().all()
    # The other sequence is untouched: half of the sequences are broken, not all.
    assert times["nonfinite"].max() == 0.5


def test_an_overflow_in_the_second_layer_is_named_with_its_time_step():
    """Layer 1 of one module doubles its state at every step; from 2¹²⁷ on float32 has no number for it."""
    module = nn.RNN(1, 1, num_layers=3, nonlinearity="relu", bias=False)
    with torch.no_grad():
        for layer in range(3):
            getattr(module, f"weight_ih_l{layer}").fill_(1.0)
            getattr(module, f"weight_hh_l{layer}").fill_(0.0)
        module.weight_hh_l1.fill_(2.0)
    x = torch.zeros(60, 1, 1)
    # The state of layer 1 at time t is 2^(t − 3) times the input of time 3: infinite when it reaches 2^128.
    x[3] = 2.0**94
    recorder = gradlab.watch(module, every=1)
    loss = module(x)[0].sum()
    loss.backward()
    recorder.step(loss)
    recorder.close()
    assert recorder.frame("steps")["first_nonfinite"][0] == "state h of model, layer 1, time step 37"


def test_an_explosion_between_two_records_is_named_all_the_same():
    model = Regressor(nn.GRU)
    recorder = gradlab.watch(model, every=1000)
    for step in range(6):
        x = torch.randn(9, 3, 5)
        if step == 4:
            x[5, 1] = float("inf")
        loss = model(x).sum()
        model.zero_grad()
        loss.backward()
        recorder.step(loss)
    recorder.close()
    named = recorder.frame("steps")["first_nonfinite"].tolist()
    assert named == ["", "", "", "", "input of rnn, layer 0, time step 5", ""]
    assert sorted(recorder.frame("timesteps")["step"].unique()) == [0, 4]


def test_weights_that_an_update_broke_are_named_before_what_they_break():
    model = Regressor(nn.GRU)
    recorder = gradlab.watch(model, every=1)
    for step in range(3):
        loss = model(torch.randn(9, 3, 5)).sum()
        model.zero_grad()
        loss.backward()
        recorder.step(loss)
        with torch.no_grad():
            model.rnn.weight_hh_l0[2, 1] += float("inf") if step == 1 else 0.0
    recorder.close()
    assert recorder.frame("steps")["first_nonfinite"].tolist() == ["", "", "parameter rnn.weight_hh_l0"]


def test_the_flight_recorder_writes_the_steps_before_the_explosion():
    torch.manual_seed(0)
    model = Regressor(nn.GRU)
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    expected = gradlab.watch(copy.deepcopy(model), every=1)
    recorder = gradlab.watch(model, every=1000, flight=3)
    twins = [(model, optimiser, recorder)]
    twin = expected.model
    twins.append((twin, torch.optim.SGD(twin.parameters(), 0.1), expected))
    for net, steps, watcher in twins:
        torch.manual_seed(1)
        for step in range(8):
            x = torch.randn(9, 3, 5)
            if step == 7:
                x[5, 1] = float("nan")
            loss = net(x).square().mean()
            steps.zero_grad()
            loss.backward()
            watcher.step(loss)
            steps.step()
        watcher.close()
    assert sorted(recorder.frame("timesteps")["step"].unique()) == [0, 4, 5, 6, 7]
    got = recorder.frame("timesteps").query("4 <= step <= 6").reset_index(drop=True)
    whole = expected.frame("timesteps").query("4 <= step <= 6").reset_index(drop=True)
    np.testing.assert_array_equal(got["grad_h"], whole["grad_h"])
    np.testing.assert_array_equal(got["sigma_max"], whole["sigma_max"])


def test_stopping_at_an_explosion_keeps_everything():
    model = Regressor()
    recorder = gradlab.watch(model, every=1, on_nonfinite="stop")
    x = torch.randn(9, 3, 5)
    x[2] = float("nan")
    loss = model(x).sum()
    loss.backward()
    with pytest.raises(gradlab.errors.ExplosionError, match="training step 0: input of rnn, layer 0, time step 2"):
        recorder.step(loss)
    recorder.close("failed")
    assert len(recorder.frame("timesteps")) == 9
    assert len(recorder.frame("steps")) == 1
