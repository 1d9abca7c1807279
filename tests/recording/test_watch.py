"""`gradlab.watch` beside real training loops: nothing changes, everything is there, and it is right."""

import copy
import gc

import numpy as np
import pytest
import torch
from torch import nn

import gradlab
from gradlab.errors import InstrumentError, UnsupportedError
from gradlab.recording import MemorySink
from gradlab.training.clipping import Norm


class Regressor(nn.Module):
    """Reads a sequence and gives one number."""

    def __init__(self, kind=nn.LSTM, inputs=5, hidden=12, **options):
        super().__init__()
        self.rnn = kind(inputs, hidden, **options)
        self.head = nn.Linear(hidden * (2 if options.get("bidirectional") else 1), 1)

    def forward(self, x):
        return self.head(self.rnn(x)[0][-1])


MODELS = {
    "rnn tanh": (nn.RNN, {}),
    "rnn relu": (nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTM, {}),
    "gru": (nn.GRU, {}),
    "lstm, 3 layers, dropout": (nn.LSTM, {"num_layers": 3, "dropout": 0.4}),
    "gru, both directions": (nn.GRU, {"num_layers": 2, "bidirectional": True, "dropout": 0.2}),
}


def train(model, steps=12, clip=None, batch=10, dtype=torch.float32, **how):
    """A hand-written loop; with arguments for `watch` it is watched."""
    torch.manual_seed(1)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    recorder = gradlab.watch(model, **how) if how else None
    for _ in range(steps):
        x = torch.randn(14, batch, 5, dtype=dtype)
        loss = ((model(x) - x.sum((0, 2)).unsqueeze(1)) ** 2).mean()
        loss.backward()
        if recorder:
            recorder.step(loss)
        if clip:
            report = clip(model.parameters())
            if recorder and not callable(getattr(clip, "__name__", None)) and hasattr(report, "threshold"):
                recorder.clipped(report)
        optimiser.step()
        optimiser.zero_grad()
    if recorder:
        recorder.close()
    return recorder


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", MODELS)
def test_weights_and_random_state_are_bit_equal_and_closure_holds(name, dtype):
    kind, options = MODELS[name]
    torch.manual_seed(0)
    plain = Regressor(kind, **options).to(dtype)
    seen = copy.deepcopy(plain)
    train(plain, dtype=dtype)
    state = torch.get_rng_state()
    recorder = train(seen, dtype=dtype, every=1, check_every=1)
    assert torch.equal(torch.get_rng_state(), state)
    for a, b in zip(plain.parameters(), seen.parameters(), strict=True):
        assert torch.equal(a, b)
    errors = recorder.frame("parameters").query("parameter.str.startswith('rnn.')")["closure_error"].dropna()
    assert len(errors) >= 12 * 2
    assert errors.max() <= (1e-5 if dtype == torch.float32 else 1e-12)


def test_tables_have_a_row_for_everything():
    recorder = train(Regressor(nn.LSTM, num_layers=2), every=5, sequences=4)
    steps, times, parameters, gates = (recorder.frame(t) for t in ("steps", "timesteps", "parameters", "gates"))
    assert list(steps["step"]) == list(range(12))
    assert sorted(times["step"].unique()) == [0, 5, 10]
    assert len(times) == 3 * 2 * 14
    assert (times["sequences"] == 4).all()
    assert set(times["module"]) == {"rnn"}
    assert set(gates["gate"]) == set("ifgo")
    assert len(gates) == 3 * 2 * 14 * 4
    for column in ("grad_h", "grad_c", "grad_x", "weight_gradient_share", "state_norm", "saturation"):
        assert np.isfinite(times[column]).all(), column
    np.testing.assert_allclose(times.groupby(["step", "layer"])["weight_gradient_share"].sum(), 1.0, rtol=1e-4)
    measured = times["sigma_max"].notna()
    assert measured.sum() == 3 * 2 * 8
    assert (times["sigma_max"] >= times["sigma_min"])[measured].all()
    recorded = parameters[parameters["parameter"] == "rnn.weight_hh_l0"]
    assert list(recorded["step"]) == [0, 5, 10]
    assert (recorded["update_ratio"] > 0).all()


def test_numbers_per_step_are_those_of_autograd():
    torch.manual_seed(0)
    model = Regressor(nn.RNN).double()
    recorder = gradlab.watch(model, every=1, sequences="all", jacobian_times="all", jacobian_sequences=99)
    x = torch.randn(6, 3, 5, dtype=torch.float64)
    h, states = torch.zeros(3, 12, dtype=torch.float64), []
    W = {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}
    for t in range(6):
        h = torch.tanh(
            x[t] @ W["rnn.weight_ih_l0"].T + W["rnn.bias_ih_l0"] + h @ W["rnn.weight_hh_l0"].T + W["rnn.bias_hh_l0"]
        )
        h.retain_grad()
        states.append(h)
    ((h @ W["head.weight"].T + W["head.bias"]) ** 2).mean().backward()
    loss = (model(x) ** 2).mean()
    loss.backward()
    recorder.step(loss)
    recorder.close()
    times = recorder.frame("timesteps")
    norms = torch.stack([s.grad.norm(dim=-1) for s in states])
    np.testing.assert_allclose(times["grad_h"], norms.median(1).values, rtol=1e-10)
    np.testing.assert_allclose(times["grad_h_low"], norms.quantile(0.1, 1), rtol=1e-10)
    np.testing.assert_allclose(times["grad_h_high"], norms.quantile(0.9, 1), rtol=1e-10)
    slopes = torch.stack([1 - s.detach() ** 2 for s in states])
    jacobians = slopes.unsqueeze(-1) * W["rnn.weight_hh_l0"].detach()
    sigma = torch.linalg.svdvals(jacobians)
    np.testing.assert_allclose(times["sigma_max"], sigma[..., 0].median(1).values, rtol=1e-9)
    np.testing.assert_allclose(times["sigma_min"], sigma[..., -1].median(1).values, rtol=1e-6)
    np.testing.assert_allclose(times["mean_log_sigma"], sigma.log().mean(-1).median(1).values, rtol=1e-8)
    gradient = torch.stack([s.grad * d for s, d in zip(states, slopes, strict=True)])
    before = torch.stack([torch.zeros_like(h), *states[:-1]]).detach()
    parts = torch.einsum("tbi,tbj->tij", gradient, before)
    whole = parts.sum(0)
    np.testing.assert_allclose(times["weight_gradient_norm"], parts.flatten(1).norm(dim=1), rtol=1e-10, atol=1e-18)
    shares = torch.einsum("tij,ij->t", parts, whole) / whole.square().sum()
    np.testing.assert_allclose(times["weight_gradient_share"], shares, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("how", ["torch", "gradlab"])
def test_what_clipping_did_is_recorded(how):
    def by_torch(parameters):
        return nn.utils.clip_grad_norm_(parameters, 0.5)

    clip = by_torch if how == "torch" else Norm(0.5)
    recorder = train(Regressor(), clip=clip, every=4)
    steps = recorder.frame("steps")
    assert steps["clip_fired"].astype(bool).all()
    np.testing.assert_allclose(steps["grad_norm_clipped"], 0.5, rtol=1e-4)
    np.testing.assert_allclose(steps["clip_coefficient"], 0.5 / steps["grad_norm"], rtol=1e-4)
    cosine = steps["clip_cosine"].dropna()
    assert len(cosine) == (12 if how == "gradlab" else 3)
    np.testing.assert_allclose(cosine, 1.0, rtol=1e-6)
    if how == "gradlab":
        assert (steps["clip_threshold"] == 0.5).all()


def test_without_clipping_the_norm_stays():
    steps = train(Regressor(), every=4).frame("steps")
    assert not steps["clip_fired"].astype(bool).any()
    np.testing.assert_allclose(steps["grad_norm_clipped"], steps["grad_norm"], rtol=1e-12)
    np.testing.assert_allclose(steps["learning_rate"], 1e-2)


def test_schedules():
    def recorded(**how):
        return sorted(int(s) for s in train(Regressor(), **how).frame("timesteps")["step"].unique())

    assert recorded(every=4) == [0, 4, 8]
    assert recorded(at=[2, 7]) == [2, 7]
    assert recorded(every=None) == []
    assert recorded(every="log") == list(range(11))


def test_gradients_are_those_of_one_step_while_they_accumulate():
    """`.grad` grows over micro-batches, but each recorded step closes on what it added itself."""
    torch.manual_seed(0)
    model = Regressor(nn.GRU)
    recorder = gradlab.watch(model, every=1, check_every=1, sequences="all")
    for _ in range(3):
        loss = (model(torch.randn(8, 4, 5)) ** 2).mean()
        loss.backward()
        recorder.step(loss)
    recorder.close()
    assert recorder.frame("parameters")["closure_error"].max() < 1e-5


def test_a_model_in_evaluation_or_without_gradients_leaves_no_trace():
    model = Regressor()
    recorder = gradlab.watch(model, every=1)
    with torch.no_grad():
        model(torch.randn(8, 4, 5))
    model.eval()
    loss = model(torch.randn(8, 4, 5)).sum()
    loss.backward()
    recorder.step(loss)
    recorder.close()
    assert len(recorder.frame("timesteps")) == 0
    assert len(recorder.frame("steps")) == 1


def test_several_modules_and_a_shared_one():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder = nn.GRU(3, 4), nn.LSTM(4, 4)

        def forward(self, x, y):
            return self.decoder(self.encoder(x)[0])[0].sum() + self.encoder(y)[0].sum()

    model = Pair()
    recorder = gradlab.watch(model, every=1, check_every=1)
    loss = model(torch.randn(5, 2, 3), torch.randn(7, 2, 3))
    loss.backward()
    recorder.step(loss)
    recorder.close()
    times = recorder.frame("timesteps")
    found = times.groupby(["module", "call"])["t"].agg(["min", "max"])
    assert found.loc[("encoder", 0)].tolist() == [0, 4]
    assert found.loc[("encoder", 1)].tolist() == [0, 6]
    assert found.loc[("decoder", 0)].tolist() == [0, 4]
    assert recorder.frame("parameters")["closure_error"].max() < 1e-5


def test_nothing_is_left_after_closing():
    model = Regressor()
    before = {name: list(vars(module)) for name, module in model.named_modules()}
    recorder = train(model, every=2)
    assert {name: list(vars(module)) for name, module in model.named_modules()} == before
    assert not model.rnn._forward_hooks
    assert not model.rnn._forward_pre_hooks
    from torch.optim import optimizer

    assert not optimizer._global_optimizer_pre_hooks
    assert not optimizer._global_optimizer_post_hooks
    with pytest.raises(ValueError, match="after close"):
        recorder.step(0.0)


def test_memory_is_flat():
    """No tensor survives a step: the number of live tensors is the same after 20 and after 60 steps."""
    model = Regressor(hidden=4)
    optimiser = torch.optim.SGD(model.parameters(), 1e-3)

    class Drop(MemorySink):
        def write(self, table, columns):
            pass

    recorder = gradlab.watch(model, every=3, sink=Drop())
    counts = []
    for step in range(60):
        loss = model(torch.randn(6, 3, 5)).sum()
        loss.backward()
        recorder.step(loss)
        optimiser.step()
        optimiser.zero_grad()
        del loss
        if step in (20, 59):
            gc.collect()
            counts.append(sum(type(o) is torch.Tensor for o in gc.get_objects()))
    recorder.close()
    assert abs(counts[1] - counts[0]) <= 2 * 64  # losses and norms wait in the block of the step log


def test_an_exception_in_the_loop_leaves_the_model_clean_and_the_rows_written():
    model = Regressor()
    sink = MemorySink()
    with pytest.raises(RuntimeError, match="theirs"), gradlab.watch(model, every=1, sink=sink) as recorder:
        loss = model(torch.randn(6, 3, 5)).sum()
        loss.backward()
        recorder.step(loss)
        raise RuntimeError("theirs")
    assert not model.rnn._forward_hooks
    assert sink.facts["status"] == "failed"
    assert len(sink.frame("timesteps")) == 6
    assert len(sink.frame("steps")) == 1


def test_a_penalty_on_the_recurrent_weights_is_told_apart_from_a_wrong_instrument():
    model = Regressor(nn.RNN)
    recorder = gradlab.watch(model, every=1)
    loss = model(torch.randn(6, 3, 5)).sum() + model.rnn.weight_hh_l0.square().sum()
    loss.backward()
    with pytest.raises(InstrumentError, match=r"'rnn', weight_hh_l0.*penalty.*check_every='never'"):
        recorder.step(loss)
    recorder.close("failed")


@pytest.mark.parametrize(
    "argument, value, message",
    [
        ("every", 0, "every: expected a positive integer"),
        ("every", "often", "every: expected a positive integer"),
        ("at", [-1], "at: expected training steps"),
        ("sequences", 0, "sequences: expected an integer from 1 or 'all', got 0"),
        ("jacobian_times", -1, "jacobian_times: expected an integer from 0 or 'all'"),
        ("jacobian_sequences", "all", "jacobian_sequences: expected an integer from 1"),
        ("check_every", 0, "check_every: expected an integer from 1 or 'never', got 0"),
    ],
)
def test_bad_arguments_get_one_clear_error(argument, value, message):
    with pytest.raises(ValueError, match=message):
        gradlab.watch(Regressor(), **{argument: value})


def test_a_model_without_recurrence_is_refused():
    with pytest.raises(UnsupportedError, match=r"holds nn\.RNN"):
        gradlab.watch(nn.Linear(3, 3))
    with pytest.raises(ValueError, match=r"expected a torch\.nn\.Module"):
        gradlab.watch("model")


def test_a_subclass_with_its_own_forward_is_refused_by_name():
    class Odd(nn.LSTM):
        def forward(self, x):
            return super().forward(x * 2)

    with pytest.raises(UnsupportedError, match=r"'rnn'.*Odd.*forward\(\) of its own"):
        gradlab.watch(Regressor(Odd))


def test_a_recorder_says_what_it_is():
    model = Regressor()
    with gradlab.watch(model, every=2) as recorder:
        assert repr(recorder) == "<gradlab.Recorder of rnn: open, 0 training steps, 0 recorded>"
        for _ in range(3):
            loss = model(torch.randn(4, 2, 5)).sum()
            loss.backward()
            recorder.step(loss)
    assert repr(recorder) == "<gradlab.Recorder of rnn: closed, 3 training steps, 2 recorded>"


def test_an_error_inside_the_recorder_can_be_logged_while_training_goes_on(caplog):
    model = Regressor(nn.RNN)
    recorder = gradlab.watch(model, every=1, on_error="log")
    for _ in range(3):
        loss = model(torch.randn(6, 3, 5)).sum() + model.rnn.weight_hh_l0.square().sum()
        model.zero_grad()
        loss.backward()
        recorder.step(loss)
    recorder.close()
    assert len([record for record in caplog.records if record.name == "gradlab"]) == 1
    assert "'rnn', weight_hh_l0" in caplog.text
    assert len(recorder.frame("steps")) == 3


def test_a_budget_is_kept():
    torch.manual_seed(0)
    model = Regressor(hidden=32)
    optimiser = torch.optim.SGD(model.parameters(), 1e-3)
    recorder = gradlab.watch(model, budget=0.2)
    for _ in range(300):
        loss = model(torch.randn(30, 16, 5)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        recorder.step(loss)
        optimiser.step()
    recorder.close()
    facts = recorder.sink.facts
    assert facts["budget"] == 0.2
    assert facts["budget_spent"] < 0.3
    assert 1 < facts["budget_recorded_every"] < 300
    assert facts["budget_recorded_every"] == pytest.approx(300 / recorder.frame("timesteps")["step"].nunique())


@pytest.mark.parametrize(
    "argument, value", [("budget", 0), ("budget", 1.5), ("flight", -1), ("on_nonfinite", "hope"), ("on_error", "hide")]
)
def test_further_bad_arguments(argument, value):
    with pytest.raises(ValueError, match=f"^{argument}: expected"):
        gradlab.watch(Regressor(), **{argument: value})


def test_any_error_inside_the_recorder_names_the_module():
    class Full(MemorySink):
        def write(self, table, columns):
            raise OSError("no space left on device")

    model = Regressor()
    recorder = gradlab.watch(model, every=1, sink=Full())
    loss = model(torch.randn(6, 3, 5)).sum()
    loss.backward()
    with pytest.raises(OSError, match="no space left") as caught:
        recorder.step(loss)
    assert caught.value.__notes__ == ["while recording module 'rnn' at training step 0"]
