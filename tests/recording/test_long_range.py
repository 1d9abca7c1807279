"""The tables that need every Jacobian: spectra, lags and Lyapunov exponents, of known systems and against autograd."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import gradlab
from gradlab.dynamics import reference
from gradlab.recording import costs
from gradlab.recording.long_range.lags import chosen_lags


def recorded(module, x, initial=None, **how):
    """One recorded step of a bare module; the loss reads the last state."""
    with gradlab.watch(module, **({"every": 1, "preset": "full", "jacobian_times": "all"} | how)) as recorder:
        output, _ = module(x, initial) if initial is not None else module(x)
        loss = output[-1].square().sum()
        loss.backward()
        recorder.step(loss)
    return recorder


def tent_map(steps):
    """The tent map x ← μ min(x, 1 − x) as a ReLU RNN of two units; the first unit minus twice the second is x/μ."""
    mu = 1.9
    module = nn.RNN(1, 2, nonlinearity="relu", dtype=torch.float64)
    with torch.no_grad():
        module.weight_ih_l0.zero_()
        module.weight_hh_l0.copy_(mu * torch.tensor([[1.0, -2.0], [1.0, -2.0]]))
        module.bias_ih_l0.copy_(torch.tensor([0.0, -0.5]))
        module.bias_hh_l0.zero_()
    return module, torch.zeros(steps, 1, 1, dtype=torch.float64), torch.tensor([[[0.3, 0.0]]], dtype=torch.float64)


def test_the_tent_map_as_a_relu_rnn_has_its_exponents():
    steps = 2000
    frame = recorded(*tent_map(steps), tables=["lyapunov"]).frame("lyapunov").sort_values("index")
    assert frame["exponent"].iloc[0] == pytest.approx(math.log(1.9), abs=1 / steps)
    assert frame["exponent"].iloc[1] == -np.inf


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_lags_are_products_of_jacobians(kind):
    torch.manual_seed(0)
    module = kind(3, 4, dtype=torch.float64)
    x = torch.randn(12, 1, 3, dtype=torch.float64)
    recorder = recorded(module, x)
    states = 8 if kind is nn.LSTM else 4

    def from_state(state, t):
        """The state after step t as a function of the one before it."""
        h = (state[:4].view(1, 1, 4), state[4:].view(1, 1, 4)) if states == 8 else state.view(1, 1, 4)
        new = module(x[t : t + 1], h)[1]
        return torch.cat([part.flatten() for part in (new if isinstance(new, tuple) else (new,))])

    state, product, chain = torch.zeros(states, dtype=torch.float64), torch.eye(states, dtype=torch.float64), []
    for t in range(12):
        chain.append(torch.autograd.functional.jacobian(lambda s, t=t: from_state(s, t), state))
        state = from_state(state, t).detach()
    lags = recorder.frame("lags").set_index("lag")
    for lag in range(1, 13):
        product = product @ chain[12 - lag]
        if lag in lags.index:
            expected = torch.linalg.svdvals(product).log()
            assert lags.loc[lag, "log_sigma_max"] == pytest.approx(float(expected[0]), abs=1e-9)
    for lag in (1, 7, 12):
        exact = reference.log_singular_values_of_product(torch.stack(chain[12 - lag :]))
        assert lags.loc[lag, "log_sigma_min"] == pytest.approx(float(exact[-1]), abs=1e-8)
    spectra = recorder.frame("spectra").pivot(index="t", columns="index", values="log_sigma")
    np.testing.assert_allclose(spectra, torch.stack([torch.linalg.svdvals(J) for J in chain]).log(), atol=1e-6)
    times = recorder.frame("timesteps").set_index("t")["grad_h"]
    for lag in lags.index[lags.index < 12]:
        assert lags.loc[lag, "grad_norm"] == pytest.approx(times[11 - lag], rel=1e-12)
    # The sum rule: all exponents together are the mean of ln|det J_t| behind the transient of one step.
    exponents = recorder.frame("lyapunov")["exponent"]
    determinants = torch.stack([torch.linalg.slogdet(J).logabsdet for J in chain[1:]])
    assert exponents.sum() == pytest.approx(float(determinants.mean()), abs=1e-10)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_the_bound_of_the_weights_holds_at_every_lag(nonlinearity):
    torch.manual_seed(0)
    module = nn.RNN(3, 10, nonlinearity=nonlinearity)
    with torch.no_grad():
        module.weight_hh_l0.mul_(2.0)
    lags = recorded(module, torch.randn(60, 3, 3)).frame("lags")
    assert (lags["log_sigma_max"] <= lags["log_bound"] + 1e-5).all()


def test_both_directions_and_layers_have_their_own_rows():
    module = nn.GRU(3, 4, num_layers=2, bidirectional=True)
    recorder = recorded(module, torch.randn(9, 3, 3))
    for table in ("spectra", "lags", "lyapunov"):
        assert recorder.frame(table)[["layer", "direction"]].drop_duplicates().shape == (4, 2)


def test_states_that_were_mixed_between_the_steps_have_no_products():
    cell = nn.GRUCell(2, 3)
    with gradlab.watch(cell, every=1, preset="full") as recorder:
        h = torch.zeros(4, 3)
        for t in range(6):
            h = torch.where(torch.tensor([[t < 3], [True], [True], [True]]), cell(torch.randn(4, 2), h), h)
        loss = h.sum()
        loss.backward()
        recorder.step(loss)
    assert len(recorder.frame("lags")) == 0
    assert len(recorder.frame("timesteps")) == 6


def test_a_cell_in_a_loop_has_the_products_of_the_layer():
    torch.manual_seed(0)
    layer, cell = nn.LSTM(2, 3, dtype=torch.float64), nn.LSTMCell(2, 3, dtype=torch.float64)
    cell.load_state_dict({name[:-3]: value for name, value in layer.state_dict().items()})
    x = torch.randn(10, 2, 2, dtype=torch.float64)
    whole = recorded(layer, x)
    with gradlab.watch(cell, every=1, preset="full", jacobian_times="all") as recorder:
        state = None
        for step in x:
            state = cell(step, state)
        loss = state[0].square().sum()
        loss.backward()
        recorder.step(loss)
    for table, column in (("lags", "log_sigma_max"), ("lyapunov", "exponent"), ("spectra", "log_sigma")):
        np.testing.assert_allclose(recorder.frame(table)[column], whole.frame(table)[column], atol=1e-9)


def test_a_long_product_neither_under_nor_overflows():
    torch.manual_seed(0)
    module = nn.RNN(3, 16)
    with torch.no_grad():
        module.weight_hh_l0.mul_(0.1)
    lags = recorded(module, torch.randn(1500, 1, 3)).frame("lags").set_index("lag")
    assert lags.loc[1500, "log_sigma_max"] < -3000
    assert np.isfinite(lags["log_sigma_min"]).all()


@pytest.mark.parametrize("steps", [1, 2, 9, 64, 1000])
def test_lags_reach_from_one_to_the_whole_sequence(steps):
    lags = chosen_lags(steps)
    assert lags[0] == 1
    assert lags[-1] == steps
    assert lags == sorted(set(lags))


def test_one_step_one_unit_one_sequence():
    recorder = recorded(nn.LSTM(1, 1), torch.randn(1, 1, 1))
    assert len(recorder.frame("lags")) == 1
    assert len(recorder.frame("lyapunov")) == 2


def test_costs_are_measured_on_a_copy():
    model = nn.Sequential()
    model.rnn = nn.GRU(4, 16)
    x = torch.randn(40, 8, 4)
    before = {name: p.clone() for name, p in model.named_parameters()}
    state = torch.get_rng_state()
    table = costs(model, lambda m: m.rnn(x)[0].square().mean(), repeats=1)
    assert table["preset"].tolist() == ["light", "standard", "full"]
    assert (table["recorded"] > 0).all()
    np.testing.assert_allclose(table["ratio"], table["recorded"] / table["plain"])
    assert all(torch.equal(p, before[name]) and p.grad is None for name, p in model.named_parameters())
    assert torch.equal(torch.get_rng_state(), state)
    assert not model.rnn._forward_hooks
    with pytest.raises(ValueError, match="expected some of light, standard, full, got 'huge'"):
        costs(model, lambda m: m.rnn(x)[0].sum(), presets=["huge"])
