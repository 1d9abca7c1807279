"""The decay that the exponents predict for the truncation bias, against slow exponents and measured biases."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gradlab.models import ModelSettings, build
from gradlab.recording import watch
from gradlab.tasks import Task
from gradlab.training import TrainingSettings, train
from gradlab.training.bptt import Stretch, bias_columns, leading_exponent, nested_gradients
from gradlab.training.bptt.windows import stretch as cut
from tests.training.bptt.tasks import Balance, EveryStep, influence_balancing
from tests.training.bptt.test_influence_balancing import Rows
from tests.training.spy import SMALL, small_model, weights


def slowly(model: Any, given: Stretch, layer: int, transient: int) -> float:
    """λ₁ of one layer of an RNN, from Jacobians by autograd and a QR at every step; mean over the sequences."""
    cell = nn.RNNCell(model.recurrent.input_size if layer == 0 else model.recurrent.hidden_size,
                      model.recurrent.hidden_size, dtype=torch.float64)  # fmt: skip
    cell.load_state_dict(
        {name.removesuffix(f"_l{layer}"): weight for name, weight in model.recurrent.state_dict().items()
         if name.endswith(f"_l{layer}")}
    )  # fmt: skip
    assert isinstance(given.inputs, torch.Tensor)
    below = given.inputs
    if layer == 1:
        alone = nn.RNN(model.recurrent.input_size, model.recurrent.hidden_size, dtype=torch.float64)
        alone.load_state_dict(
            {name: weight for name, weight in model.recurrent.state_dict().items() if name.endswith("_l0")}
        )
        below = alone(below)[0].detach()
    found = []
    for sequence in range(below.shape[1]):
        state, jacobians = torch.zeros(model.recurrent.hidden_size, dtype=torch.float64), []
        for x in below[:, sequence]:
            jacobians.append(torch.autograd.functional.jacobian(lambda h, x=x: cell(x, h), state))
            state = cell(x, state).detach()
        basis, logs = torch.linalg.qr(torch.randn(len(state), 1, dtype=torch.float64)).Q, []
        for jacobian in jacobians:
            moved = jacobian @ basis
            logs.append(float(moved.norm().log()))
            basis = moved / moved.norm()
        found.append(np.mean(logs[transient:]))
    return float(np.mean(found))


def test_it_is_the_largest_exponent_of_all_layers() -> None:
    task = EveryStep(steps=400)
    settings = ModelSettings(cell="rnn", hidden=7, layers=2, precision="float64", initialiser={"name": "gaussian"})
    model = build(settings, task, 0)
    batch = task.batch(3, torch.Generator().manual_seed(0)).to(torch.device("cpu"), torch.float64)
    given = Stretch(batch.inputs, batch)
    expected = [slowly(model, given, layer, 40) for layer in (0, 1)]
    assert leading_exponent(model, given) == pytest.approx(max(expected), abs=2e-3)
    assert abs(expected[0] - expected[1]) > 0.01, "the layers differ, so that the largest is one of them"


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "lru", "peephole_lstm"])
def test_it_agrees_with_the_recorded_exponents(cell: str) -> None:
    task = EveryStep(steps=400)
    net = small_model(task, cell=cell)
    batch = task.batch(2, torch.Generator().manual_seed(0))
    with watch(net, every=1, tables=("lyapunov",), sequences="all") as recorder:
        loss = task.loss(net(batch.inputs), batch)
        loss.backward()
        recorder.step(loss)
    frame = recorder.frame("lyapunov")
    recorded = float(frame[frame["index"] == 0]["exponent"].max())
    assert leading_exponent(net, Stretch(batch.inputs, batch)) == pytest.approx(recorded, abs=5e-3)


@pytest.mark.parametrize("a", [0.5, 0.8])
def test_of_a_linear_recurrence_the_prediction_is_the_bias(a: float) -> None:
    """h ← a h + x with positive inputs, so that ReLU is the identity: the relative bias is a^K exactly."""
    model = build(ModelSettings(cell="rnn", nonlinearity="relu", hidden=1, precision="float64"), EveryStep(), 0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0.5)
        model.recurrent.weight_hh_l0.fill_(a)
    batch = EveryStep(steps=200).batch(2, torch.Generator().manual_seed(0)).to(torch.device("cpu"), torch.float64)
    given = cut(type(batch)(torch.ones_like(batch.inputs), batch.targets), 1, None)
    columns = bias_columns(nested_gradients(model, EveryStep(), given, [1, 4, 10, 200]), leading_exponent(model, given))
    frame = {name: np.ma.getdata(column) for name, column in columns.items()}
    bias = {window: error for window, name, error in zip(frame["window"], frame["parameter"], frame["relative_error"],
                                                         strict=True) if name == "recurrent.bias_hh_l0"}  # fmt: skip
    for window, name, predicted in zip(frame["window"], frame["parameter"], frame["predicted_error"], strict=True):
        if name == "all":
            assert predicted == pytest.approx(a**window, rel=1e-9)
            assert window == 200 or bias[window] == pytest.approx(predicted, rel=1e-9)


def test_of_a_random_tanh_net_the_bias_decays_as_predicted() -> None:
    """Aicher, Foti & Fox (2019): in logs the bias falls with the slope λ₁, whatever its constant."""
    task = EveryStep(steps=300)
    settings = ModelSettings(cell="rnn", hidden=48, precision="float64", initialiser={"name": "gaussian", "gain": 0.95})
    model = build(settings, task, 3)
    batch = task.batch(16, torch.Generator().manual_seed(0)).to(torch.device("cpu"), torch.float64)
    given = cut(batch, 1, None)
    windows = [20, 40, 60, 80, 300]
    columns = bias_columns(nested_gradients(model, task, given, windows), leading_exponent(model, given))
    whole = columns["parameter"] == "all"
    error, predicted = (
        np.log(np.ma.getdata(columns[name])[whole][:-1]) for name in ("relative_error", "predicted_error")
    )
    slopes = [np.polyfit(windows[:-1], values, 1)[0] for values in (error, predicted)]
    assert slopes[1] < -0.05
    assert slopes[0] == pytest.approx(slopes[1], rel=0.15)


def test_what_is_not_known_is_left_out() -> None:
    batch = Balance().stream(1, 0, 9)
    assert math.isnan(leading_exponent(influence_balancing(0.1), Stretch(batch.inputs, batch)))


@pytest.mark.parametrize("task", [SMALL, EveryStep()], ids=["end", "every"])
@pytest.mark.parametrize("way", ["full", "truncated", "adaptive"])
def test_it_stands_beside_the_bias_and_changes_nothing(task: Task, way: str) -> None:
    trained = []
    for every in (None, 2):
        net, rows = small_model(task, cell="lstm", layers=2, dropout=0.3), Rows()
        settings = TrainingSettings.model_validate(
            {"steps": 7, "batch": 6, "bptt": way, "evaluation_size": 4, "measure": {"bias_every": every}}
        )
        train(net, task, settings, seed=1, recorder=rows)  # type: ignore[arg-type]
        trained.append(weights(net))
    assert trained[0] == trained[1]
    frame = rows.sink.frame("truncation")
    whole = frame[frame["parameter"] == "all"]
    assert (whole["predicted_error"] > 0).all() and frame[frame["parameter"] != "all"]["predicted_error"].isna().all()
    first = whole[whole["step"] == 0]
    exponents = np.log(first["predicted_error"]) / first["window"]
    assert exponents.max() == pytest.approx(exponents.min(), rel=1e-9)
