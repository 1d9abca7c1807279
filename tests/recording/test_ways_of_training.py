"""Ways of training that other people's loops use: each is recorded rightly, or refused with a way out."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import gradlab
from gradlab.errors import UnsupportedError


class Net(nn.Module):
    def __init__(self, kind=nn.LSTM, **options):
        super().__init__()
        self.rnn = kind(4, 6, **options)
        self.head = nn.Linear(6, 1)

    def forward(self, x):
        return self.head(self.rnn(x)[0][-1])


def record(model, backward, **how):
    """One recorded step; `backward` runs forward and backward and gives the loss."""
    recorder = gradlab.watch(model, **({"every": 1, "check_every": 1, "sequences": "all"} | how))
    loss = backward()
    recorder.step(loss)
    recorder.close()
    return recorder


def closure(recorder):
    return recorder.frame("parameters")["closure_error"].max()


@pytest.mark.parametrize("unscale", [False, True])
def test_a_gradient_scaler_is_taken_out(unscale):
    torch.manual_seed(0)
    model = Net()
    x = torch.randn(7, 3, 4)
    plain = record(model, lambda: backward_of((model(x) ** 2).mean()))
    model.zero_grad()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    optimiser = torch.optim.SGD(model.parameters(), 0.0)

    def scaled():
        loss = (model(x) ** 2).mean()
        scaler.scale(loss).backward()
        if unscale:
            scaler.unscale_(optimiser)
        return loss

    recorder = record(model, scaled, scaler=scaler)
    for table, column in (("timesteps", "grad_h"), ("steps", "grad_norm"), ("parameters", "grad_norm")):
        np.testing.assert_allclose(recorder.frame(table)[column], plain.frame(table)[column], rtol=1e-4)
    assert closure(recorder) < 1e-4


def backward_of(loss):
    loss.backward()
    return loss


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_bfloat16_autocast_is_recorded_to_its_precision(kind):
    torch.manual_seed(0)
    model = Net(kind)
    x = torch.randn(7, 3, 4)
    exact = record(model, lambda: backward_of((model(x) ** 2).mean()))
    model.zero_grad()

    def mixed():
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(x)
        return backward_of((out.float() ** 2).mean())

    try:
        mixed()
    except RuntimeError as error:  # pragma: no cover - depends on the processor
        pytest.skip(f"torch alone cannot train this in bfloat16 here: {error}")
    model.zero_grad()
    recorder = record(model, mixed)
    got, expected = (r.frame("timesteps")["grad_h"].to_numpy() for r in (recorder, exact))
    np.testing.assert_allclose(got, expected, rtol=0.15)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_weights(dtype):
    torch.manual_seed(0)
    model = Net(nn.GRU).to(dtype)
    x = torch.randn(7, 3, 4, dtype=dtype)
    try:
        recorder = record(model, lambda: backward_of((model(x).float() ** 2).mean()))
    except RuntimeError as error:  # pragma: no cover - depends on the processor
        pytest.skip(f"torch cannot train in {dtype} here: {error}")
    assert np.isfinite(recorder.frame("timesteps")["grad_h"]).all()
    assert closure(recorder) < 0.1


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointed_chunks(reentrant):
    torch.manual_seed(0)
    model = Net(nn.GRU)
    x = torch.randn(12, 3, 4, requires_grad=True)

    def chunked(keep):
        h = torch.zeros(1, 3, 6, requires_grad=True)
        for chunk in x.split(4):
            if keep:
                _, h = model.rnn(chunk, h)
            else:
                h = checkpoint(lambda c, s: model.rnn(c, s)[1], chunk, h, use_reentrant=reentrant)
        return backward_of((model.head(h) ** 2).mean())

    plain = record(model, lambda: chunked(True))
    recorder = record(model, lambda: chunked(False))
    assert closure(recorder) < 1e-5
    frames = [r.frame("timesteps").sort_values(["call", "t"]) for r in (plain, recorder)]
    assert frames[0]["t"].tolist() == frames[1]["t"].tolist() == list(range(12))
    np.testing.assert_allclose(frames[1]["grad_h"], frames[0]["grad_h"], rtol=1e-5)


def test_frozen_parameters():
    model = Net()
    model.rnn.weight_hh_l0.requires_grad_(False)
    recorder = record(model, lambda: backward_of(model(torch.randn(5, 2, 4)).sum()))
    rows = recorder.frame("parameters").set_index("parameter")["closure_error"]
    assert np.isnan(rows["rnn.weight_hh_l0"])
    assert rows["rnn.weight_ih_l0"] < 1e-5
    assert recorder.frame("timesteps")["grad_h"].gt(0).all()


def test_everything_frozen_but_the_head_records_nothing_per_step():
    model = Net()
    model.rnn.requires_grad_(False)
    recorder = record(model, lambda: backward_of(model(torch.randn(5, 2, 4)).sum()))
    assert not recorder.frame("timesteps")["grad_h"].gt(0).any()
    assert closure(recorder) != closure(recorder)


@pytest.mark.parametrize("normalise", [nn.utils.weight_norm, nn.utils.parametrizations.weight_norm])
@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")
def test_weight_normed_recurrence(normalise):
    torch.manual_seed(0)
    model = Net(nn.RNN)
    normalise(model.rnn, "weight_hh_l0")
    x = torch.randn(7, 3, 4)
    recorder = record(model, lambda: backward_of((model(x) ** 2).mean()))
    times = recorder.frame("timesteps")
    twin = Net(nn.RNN)
    with torch.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            getattr(twin.rnn, name).copy_(getattr(model.rnn, name))
        twin.head.load_state_dict(model.head.state_dict())
    expected = record(twin, lambda: backward_of((twin(x) ** 2).mean())).frame("timesteps")
    np.testing.assert_allclose(times["grad_h"], expected["grad_h"], rtol=1e-5)
    np.testing.assert_allclose(times["sigma_max"], expected["sigma_max"], rtol=1e-5)


def test_second_order_gradients_are_refused_with_a_way_out():
    cell = nn.GRUCell(4, 6)
    recorder = gradlab.watch(cell, every=1)
    x = torch.randn(3, 4, requires_grad=True)
    loss = cell(x).sum()
    (gradient,) = torch.autograd.grad(loss, x, create_graph=True)
    gradient.square().sum().backward()
    with pytest.raises(UnsupportedError, match=r"'model'.*create_graph=True"):
        recorder.step(loss)
    recorder.close("failed")


def test_a_compiled_model_is_recorded_or_refused():
    model = Net(nn.GRU)
    compiled = torch.compile(model, backend="eager")
    x = torch.randn(5, 2, 4)
    recorder = record(compiled, lambda: backward_of(compiled(x).sum()))
    assert len(recorder.frame("timesteps")) == 5
    assert closure(recorder) < 1e-5


def test_stepwise_decoder_that_feeds_itself():
    torch.manual_seed(0)
    decoder = nn.LSTM(6, 6)
    state, token = None, torch.randn(1, 3, 6)
    recorder = gradlab.watch(decoder, every=1, check_every=1, sequences="all")
    total = 0
    for _ in range(8):
        token, state = decoder(token, state)
        total = total + token.square().mean()
    total.backward()
    recorder.step(total)
    recorder.close()
    times = recorder.frame("timesteps")
    assert times["t"].tolist() == list(range(8))
    assert times["call"].unique().tolist() == [0]
    assert closure(recorder) < 1e-5


@pytest.mark.parametrize("again", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_of_a_watched_model_is_not_watched(again):
    model = Net()
    recorder = gradlab.watch(model, every=1)
    twin = again(model)
    twin(torch.randn(5, 2, 4)).sum().backward()
    loss = model(torch.randn(7, 2, 4)).sum()
    loss.backward()
    recorder.step(loss)
    recorder.close()
    assert len(recorder.frame("timesteps")) == 7
    assert closure(recorder) < 1e-5
