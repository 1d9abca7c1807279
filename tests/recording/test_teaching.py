"""Who teaches whom: the table `teaching` against plain autograd, one backward pass for each time of a loss."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import gradlab
from gradlab.recording.long_range.teaching import LOSSES, TIMES
from tests.instrument.unrolled import Unrolled
from tests.instrument.written_cells import OwnLSTM

KINDS = {
    "tanh": (nn.RNN, {}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTM, {}),
    "gru": (nn.GRU, {}),
}


def recorded(module, x, loss, **how):
    """The table of one step; `loss` is a function of the module's output and its returned state."""
    with gradlab.watch(module, **({"every": 1, "tables": ["teaching"], "jacobian_sequences": 1} | how)) as recorder:
        output, state = module(x)
        value = loss(pad_packed_sequence(output)[0] if isinstance(output, PackedSequence) else output, state)
        value.backward()
        recorder.step(value)
    return recorder.frame("teaching")


def truth(unrolled, layer, direction, sequence):
    """ln ‖∂L_s/∂h_t‖ by (s, t): for each s, what came from above then is sent back alone."""
    above = unrolled.layers[layer]
    hidden = [state[0] for state in unrolled.states[layer][direction]]
    width, found = hidden[0].shape[-1], {}
    for s in range(len(hidden)):
        entering = torch.zeros_like(above)
        here = slice(direction * width, (direction + 1) * width)
        entering[s, sequence, here] = above.grad[s, sequence, here]
        if not entering.any():
            continue
        arriving = torch.autograd.grad(above, hidden, entering, retain_graph=True, allow_unused=True)
        for t, gradient in enumerate(arriving):
            if t >= s if direction else t <= s:
                norm = 0.0 if gradient is None else float(gradient[sequence].norm())
                found[s, t] = math.log(norm) if norm else -math.inf
    return found


@pytest.mark.parametrize("lengths", [None, [9, 9, 4]], ids=["all_real", "padded"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_and_direction_is_that_of_autograd(kind, lengths):
    torch.manual_seed(1)
    build, options = KINDS[kind]
    module = build(3, 4, num_layers=2, bidirectional=True, dropout=0.2, dtype=torch.float64, **options)
    x = torch.randn(9, 3, 3, dtype=torch.float64)
    weights = torch.randn(9, 3, 8, dtype=torch.float64) * (torch.arange(9) % 3 == 2).view(9, 1, 1)
    given = x if lengths is None else pack_padded_sequence(x, torch.tensor(lengths))
    if lengths is not None:
        module.dropout = 0.0  # the masks of a packed sequence are drawn in another order than those of `Unrolled`
        weights[4:, 2] = 0
    torch.manual_seed(5)
    frame = recorded(module, given, lambda output, _: (output * weights).sum())
    unrolled = Unrolled(module, x, lengths, seed=5)
    (unrolled.output * weights).sum().backward(retain_graph=True)
    for layer, direction in ((0, 0), (0, 1), (1, 0), (1, 1)):
        rows = frame[(frame["layer"] == layer) & (frame["direction"] == direction)].set_index(["source", "t"])
        expected = truth(unrolled, layer, direction, 0)
        assert set(rows.index) == set(expected)
        if layer == 1:
            assert set(rows.index.get_level_values("source")) == {2, 5, 8}, "only where a loss is"
        for place, value in expected.items():
            assert rows.loc[place, "log_gradient"] == pytest.approx(value, abs=1e-9), (layer, direction, place)


def test_what_enters_at_the_returned_cell_state_counts_at_the_last_step():
    torch.manual_seed(0)
    module = nn.LSTM(2, 3, dtype=torch.float64)
    x = torch.randn(7, 1, 2, dtype=torch.float64)
    frame = recorded(module, x, lambda _, state: state[1].sum()).set_index("t")
    assert frame["source"].eq(6).all() and len(frame) == 7
    unrolled = Unrolled(module, x)
    unrolled.final[0][1].sum().backward()
    gradients = unrolled.gradients(0, 0, 0)[:, 0].norm(dim=-1)
    assert frame.loc[6, "log_gradient"] == -np.inf, "nothing enters through h itself"
    np.testing.assert_allclose(frame.loc[range(6), "log_gradient"], gradients[:6].log(), atol=1e-9)


def test_a_single_loss_at_the_end_teaches_every_step():
    torch.manual_seed(0)
    module = nn.GRU(2, 3, dtype=torch.float64)
    x = torch.randn(20, 1, 2, dtype=torch.float64)
    with gradlab.watch(module, every=1, tables=["teaching"]) as recorder:
        loss = module(x)[0][-1].square().sum()
        loss.backward()
        recorder.step(loss)
    rows = recorder.frame("teaching")
    assert rows["source"].unique().tolist() == [19]
    np.testing.assert_allclose(rows["log_gradient"], np.log(recorder.frame("timesteps")["grad_h"]), atol=1e-9)


def test_median_over_the_sequences_in_which_something_enters():
    torch.manual_seed(0)
    module = nn.RNN(2, 3, dtype=torch.float64)
    x = torch.randn(6, 3, 2, dtype=torch.float64)
    at = torch.zeros(6, 3, 1, dtype=torch.float64)
    at[5], at[2, 1] = 1.0, 1.0
    frame = recorded(module, x, lambda output, _: (output * at).sum(), jacobian_sequences=3).set_index(["source", "t"])
    unrolled = Unrolled(module, x)
    (unrolled.output * at).sum().backward(retain_graph=True)
    each = [truth(unrolled, 0, 0, sequence) for sequence in range(3)]
    for t in range(6):
        assert frame.loc[(5, t), "log_gradient"] == pytest.approx(np.median([one[5, t] for one in each]), abs=1e-9)
    for t in range(3):
        assert frame.loc[(2, t), "log_gradient"] == pytest.approx(each[1][2, t], abs=1e-9)


@pytest.mark.parametrize("losses", [list(range(500)), list(range(490, 500)), [0], [3, 499]])
def test_long_sequences_are_thinned_with_both_ends(losses):
    at = torch.zeros(500, 1, 1)
    at[losses] = 1.0
    frame = recorded(nn.RNN(2, 3), torch.randn(500, 1, 2), lambda output, _: (output * at).sum())
    sources, times = sorted(frame["source"].unique()), sorted(frame["t"].unique())
    assert len(sources) == min(LOSSES, len(losses)) and len(times) <= TIMES
    assert set(sources) <= set(losses) and set(sources) <= set(times)
    assert (sources[0], sources[-1]) == (losses[0], losses[-1])
    assert (times[0], times[-1]) == (0, losses[-1])
    assert (frame["t"] <= frame["source"]).all()


@pytest.mark.parametrize("weight", [0.1, 10.0])
def test_neither_under_nor_overflows(weight):
    """A linear net of one unit: ln ‖∂L_s/∂h_t‖ = (s − t) ln w, far outside of what float32 holds."""
    module = nn.RNN(1, 1, nonlinearity="relu", bias=False)
    with torch.no_grad():
        module.weight_hh_l0.fill_(weight)
        module.weight_ih_l0.fill_(1.0)
    x = torch.zeros(1200, 1, 1)
    x[0] = 1e30 if weight < 1 else 1e-30
    # the state itself leaves float32 after some steps; a ReLU's slope is 1 only while it is positive
    steps = 60 if weight < 1 else 65
    frame = recorded(module, x[:steps], lambda output, _: output[-1].sum()).set_index("t")["log_gradient"]
    lag = steps - 1 - frame.index.to_numpy()
    np.testing.assert_allclose(frame, lag * math.log(weight), rtol=1e-6, atol=1e-6)
    assert abs(frame.loc[0]) > 130, "float32 ends at e^±88 or so"


def test_infinite_and_nan_gradients_are_told_as_such():
    at = torch.ones(8, 1, 1)
    at[5], at[7] = math.inf, math.nan
    frame = recorded(nn.LSTM(2, 3), torch.randn(8, 1, 2), lambda output, _: (output * at).sum())
    own = frame[frame["source"] == frame["t"]].set_index("source")["log_gradient"]
    assert own.loc[5] == np.inf and np.isnan(own.loc[7])
    others = frame[~frame["source"].isin([5, 7])]
    assert len(others) and np.isfinite(others["log_gradient"]).all()
    broken = frame[frame["source"].isin([5, 7])]
    assert not np.isfinite(broken["log_gradient"]).any()


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_net_that_has_exploded_is_recorded(kind):
    x = torch.randn(8, 2, 2)
    x[3] = math.inf
    frame = recorded(kind(2, 3), x, lambda output, _: output.sum())
    assert np.isnan(frame.loc[frame["source"] == 7, "log_gradient"]).any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["lstm", "gru", "own"])
def test_steps_called_one_by_one_teach_as_the_layer_does(kind, dtype):
    torch.manual_seed(0)
    cell = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "own": OwnLSTM}[kind](2, 3).to(dtype)
    x = torch.randn(10, 2, 2, dtype=dtype)
    at = torch.zeros(10, 2, 1, dtype=dtype)
    at[3], at[9] = 0.5, 1.0
    cells = {OwnLSTM: gradlab.Cell()} if kind == "own" else None

    def unrolled():
        state, outputs = None, []
        for step in x:
            state = cell(step, state)
            outputs.append(state if kind == "gru" else state[0])
        return outputs

    with gradlab.watch(cell, cells=cells, every=1, tables=["teaching"], jacobian_sequences=1) as recorder:
        loss = (torch.stack(unrolled()) * at).sum()
        loss.backward()
        recorder.step(loss)
    rows = recorder.frame("teaching").set_index(["source", "t"])["log_gradient"]
    assert {source for source, _ in rows.index} == {3, 9}, "rounding is no loss"
    outputs = unrolled()
    for s in (3, 9):
        found = torch.autograd.grad((outputs[s] * at[s])[0].sum(), outputs[: s + 1], retain_graph=True)
        norms = [float(gradient[0].norm().log()) for gradient in found]
        np.testing.assert_allclose(rows[s], norms, atol=1e-9 if dtype == torch.float64 else 1e-4)


def test_states_that_were_cut_off_between_the_steps_are_left_out():
    cell, x = nn.GRUCell(2, 3), torch.randn(6, 1, 2)
    with gradlab.watch(cell, every=1, tables=["teaching", "lags"]) as recorder:
        h, loss = torch.zeros(1, 3), torch.zeros(())
        for t, step in enumerate(x):
            h = cell(step, h.detach() if t == 3 else h)
            loss = loss + h.sum()
        loss.backward()
        recorder.step(loss)
    assert len(recorder.frame("lags")) and not len(recorder.frame("teaching"))


def test_what_later_calls_send_back_enters_at_the_end_of_the_first():
    torch.manual_seed(0)
    module, x = nn.GRU(2, 3, dtype=torch.float64), torch.randn(10, 1, 2, dtype=torch.float64)
    with gradlab.watch(module, every=1, tables=["teaching"]) as recorder:
        _, state = module(x[:6])
        loss = module(x[6:], state)[0][-1].sum()
        loss.backward()
        recorder.step(loss)
    rows = recorder.frame("teaching").sort_values("t")
    assert rows.groupby("source")["t"].agg(["min", "max"]).to_dict("index") == {
        5: {"min": 0, "max": 5}, 9: {"min": 6, "max": 9}
    }  # fmt: skip
    np.testing.assert_allclose(rows["log_gradient"], np.log(recorder.frame("timesteps").sort_values("t")["grad_h"]))


def test_a_module_that_no_loss_reaches_has_no_rows():
    model = nn.ModuleDict({"used": nn.GRU(2, 3), "unused": nn.GRU(2, 3)})
    with gradlab.watch(model, every=1, tables=["teaching"]) as recorder:
        x = torch.randn(5, 1, 2)
        loss = model["used"](x)[0].sum() + 0 * model["unused"](x)[0].sum()
        loss.backward()
        recorder.step(loss)
    assert recorder.frame("teaching")["module"].unique().tolist() == ["used"]


def test_one_step_one_unit_one_sequence():
    frame = recorded(nn.LSTM(1, 1), torch.randn(1, 1, 1), lambda output, _: 2 * output.sum())
    assert frame[["source", "t"]].to_numpy().tolist() == [[0, 0]]
    assert frame["log_gradient"].iloc[0] == pytest.approx(math.log(2), abs=1e-6)
