"""gradlab.analyse: all tables of one pass, and a model that is afterwards what it was before."""

from __future__ import annotations

import copy
import math
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

import gradlab
from gradlab.errors import UnsupportedError
from gradlab.quantities import TABLES


class Tagger(nn.Module):
    """Embedding, bidirectional LSTM with dropout, batch norm with running statistics, and a state kept on the side."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.recurrent = nn.LSTM(6, 5, 2, bidirectional=True, dropout=0.3)
        self.norm = nn.BatchNorm1d(10)
        self.readout = nn.Linear(10, 4)
        self.calls = 0
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, words: Tensor, scale: float = 1.0) -> Tensor:
        self.calls += 1
        self.seen = self.seen + 1
        random.random()
        np.random.rand()  # noqa: NPY002
        hidden, _ = self.recurrent(self.embedding(words))
        return scale * self.readout(self.norm(hidden.flatten(0, 1)))


@pytest.fixture
def words() -> Tensor:
    torch.manual_seed(0)
    return torch.randint(11, (12, 3))


def tagger() -> Tagger:
    torch.manual_seed(1)
    return Tagger().double()


def loss(output: Tensor) -> Tensor:
    return nn.functional.cross_entropy(output, torch.arange(len(output)) % 4)


def equal(a: Any, b: Any) -> bool:
    return torch.equal(a, b) if isinstance(a, Tensor) else a == b


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_the_model_is_as_before(words: Tensor, training: bool) -> None:
    model = tagger().train(training)
    model.readout.eval()
    loss(model(words)).backward()
    model.embedding.weight.grad = None
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    copies = {name: None if grad is None else grad.clone() for name, grad in gradients.items()}
    before = copy.deepcopy(model.state_dict())
    buffers = dict(model.named_buffers())
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]

    analysis = gradlab.analyse(model, words, loss)

    assert math.isfinite(analysis.loss)
    assert (model.calls, model.training, model.readout.training) == (1, training, False)
    for name, parameter in model.named_parameters():
        assert parameter.grad is gradients[name]
        assert parameter.grad is None or torch.equal(parameter.grad, copies[name])
        assert not parameter._backward_hooks
    for name, buffer in model.named_buffers():
        assert buffer is buffers[name]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])
    assert [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()] == hooks


def test_an_error_in_the_loss_leaves_the_model_as_before(words: Tensor) -> None:
    model = tagger()
    before = copy.deepcopy(model.state_dict())

    def broken(output: Tensor) -> Tensor:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        gradlab.analyse(model, words, broken)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(not module._forward_hooks and parameter.grad is None
               for module in model.modules() for parameter in module.parameters())  # fmt: skip


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_gradients_are_those_of_autograd(words: Tensor, training: bool) -> None:
    model = nn.GRU(3, 4, dtype=torch.float64).train(training)
    x = torch.randn(8, 2, 3, dtype=torch.float64, requires_grad=True)
    analysis = gradlab.analyse(model, x, lambda output: output[0].square().sum())
    assert x.grad is None
    model(x)[0].square().sum().backward()
    frame = analysis.frame("timesteps").sort_values("t")
    norms = x.grad.norm(dim=-1)
    assert np.allclose(frame["grad_x_low"].to_numpy(float), norms.quantile(0.1, dim=1), rtol=1e-9)
    assert np.allclose(frame["grad_x_high"].to_numpy(float), norms.quantile(0.9, dim=1), rtol=1e-9)
    assert (frame["sequences"] == 2).all()
    assert frame["sigma_max"].notna().all()
    parameters = analysis.frame("parameters").set_index("parameter")
    for name, parameter in model.named_parameters():
        assert parameters.loc[name, "grad_norm"] == pytest.approx(float(parameter.grad.norm()), rel=1e-12)
    assert analysis.closure_error < 1e-10
    whole = torch.cat([parameter.grad.flatten() for parameter in model.parameters()]).norm()
    assert analysis.frame("steps")["grad_norm"].iloc[0] == pytest.approx(float(whole), rel=1e-12)


def test_all_tables_of_a_pass_are_there(words: Tensor) -> None:
    frames = gradlab.analyse(tagger(), words, loss).frames()
    of_training = {"runs", "truncation", "windows", "penalties", "clipping", "cliff", "samples"}
    assert set(frames) == set(TABLES) - of_training
    for name, frame in frames.items():
        assert isinstance(frame, pd.DataFrame)
        assert list(frame.columns) == list(TABLES[name].columns)
        assert len(frame)
    assert set(zip(frames["timesteps"]["layer"], frames["timesteps"]["direction"], strict=True)) == {
        (0, 0), (0, 1), (1, 0), (1, 1)
    }  # fmt: skip


def test_the_amount_can_be_bounded(words: Tensor) -> None:
    analysis = gradlab.analyse(tagger(), words, loss, sequences=1, jacobian_times=3, jacobian_sequences=1, tables=())
    frame = analysis.frame("timesteps")
    assert (frame["sequences"] == 1).all()
    assert frame.groupby(["layer", "direction"])["sigma_max"].count().eq(3).all()
    assert not {"spectra", "lags", "lyapunov"} & set(analysis.frames())
    with pytest.raises(ValueError, match="expected one of"):
        analysis.frame("spectra")


def test_inputs_in_every_form(words: Tensor) -> None:
    model = tagger().eval()
    losses = [
        gradlab.analyse(model, inputs, loss, tables=()).loss
        for inputs in (words, (words,), [words, 1.0], {"words": words}, {"words": words, "scale": 1.0})
    ]
    assert len(set(losses)) == 1
    assert gradlab.analyse(model, (words, 2.0), loss, tables=()).loss != losses[0]
    packed = pack_padded_sequence(torch.randn(6, 3, 2), torch.tensor([6, 4, 1]))
    frame = gradlab.analyse(nn.GRU(2, 3), packed, lambda output: output[1].sum()).frame("timesteps")
    assert frame["sequences"].tolist() == [3, 2, 2, 2, 1, 1]


def test_under_no_grad_and_beside_an_open_recorder(words: Tensor) -> None:
    model = tagger()
    with gradlab.watch(model, every=1) as recorder:
        for _ in range(2):
            value = loss(model(words))
            with torch.no_grad():
                gradlab.analyse(model, words, loss, tables=())
            value.backward()
            recorder.step(value)
            model.zero_grad()
    frame = recorder.frame("timesteps")
    assert (frame["call"] == 0).all()
    assert recorder.frame("parameters")["closure_error"].max() < 1e-10


def test_the_recording_of_an_instrumented_module_stays() -> None:
    module = gradlab.nn.LSTM(3, 4, dtype=torch.float64)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    module(x)[0].sum().backward()
    gradlab.analyse(module, 2 * x, lambda output: output[0].square().sum())
    recording = module.recording
    assert torch.equal(recording.layer().h, module(x)[0])
    assert recording.closure_error < 1e-10


def test_an_optimiser_that_steps_within_backward_does_not(words: Tensor) -> None:
    model = tagger()
    before = copy.deepcopy(model.state_dict())

    def step(parameter: Tensor) -> None:
        raise AssertionError("a parameter was about to be changed")

    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(step)
    gradlab.analyse(model, words, loss)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda output: 3.0, "gives a tensor, got 3.0"),
        (lambda output: output, r"one number, got a tensor of shape \[36, 4\]"),
        (lambda output: output.detach().sum(), "require grad"),
    ],
)
def test_what_is_no_loss_is_refused(words: Tensor, wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gradlab.analyse(tagger(), words, wrong)


def test_a_model_without_recurrence_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="without any"):
        gradlab.analyse(nn.Linear(2, 2), torch.randn(3, 2), lambda output: output.sum())


def test_an_explosion_is_named() -> None:
    model = nn.RNN(2, 3, nonlinearity="relu")
    x = torch.randn(9, 2, 2)
    x[4] = math.inf
    analysis = gradlab.analyse(model, x, lambda output: output[0].sum())
    assert "time step 4" in analysis.frame("steps")["first_nonfinite"].iloc[0]
    assert "time step 4" in analysis._repr_html_()
