"""How a recording behaves: what begins a new one, what is kept and for how long, and what is refused."""

from __future__ import annotations

import gc
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

import gradlab
from gradlab.errors import UnsupportedError
from gradlab.instrument import Call


def lstm(**options: Any) -> gradlab.nn.LSTM:
    torch.manual_seed(0)
    return gradlab.nn.LSTM(3, 4, dtype=torch.float64, **options)


def series(steps: int = 6, batch: int = 2) -> Tensor:
    return torch.randn(steps, batch, 3, dtype=torch.float64, requires_grad=True)


def live_calls() -> int:
    gc.collect()
    return sum(type(thing) is Call for thing in gc.get_objects())


def test_before_a_forward_and_before_a_backward_pass_the_error_says_what_is_missing() -> None:
    module = lstm()
    with pytest.raises(ValueError, match="no forward pass"):
        _ = module.recording
    output, _ = module(series())
    with pytest.raises(ValueError, match="got none yet"):
        _ = module.recording
    output.sum().backward()
    assert module.recording.grad_h.shape == (6, 2, 4)
    module(series())
    with pytest.raises(ValueError, match="got none yet"):
        _ = module.recording


def test_without_grad_mode_nothing_is_kept_and_the_last_recording_stays() -> None:
    module = lstm()
    x = series()
    module(x)[0].sum().backward()
    before = module.recording
    with torch.no_grad():
        module(series())
    with torch.inference_mode():
        module(series())
    assert module.recording is before


def test_a_held_recording_survives_updates_of_weights_and_the_next_pass() -> None:
    module = lstm(num_layers=2)
    optimiser = torch.optim.SGD(module.parameters(), lr=1.0)
    x = series()
    module(x)[0].square().sum().backward()
    torch.nn.utils.clip_grad_norm_(module.parameters(), 1e-3)
    optimiser.step()
    optimiser.zero_grad(set_to_none=False)
    held = module.recording
    torch.testing.assert_close(held.grad_x, x.grad)
    assert held.closure_error < 1e-10
    jacobians = held.jacobians()
    module(series())[0].sum().backward()
    assert module.recording is not held
    assert torch.equal(held.jacobians(), jacobians)


def test_forward_passes_that_are_never_followed_by_backward_pile_nothing_up() -> None:
    module, cell = lstm(), gradlab.nn.GRUCell(3, 4)
    floor = live_calls()
    for _ in range(300):
        module(series())
        cell(torch.randn(2, 3))
    assert live_calls() <= floor + 2
    assert len(module.__dict__["_gradlab_step"]._waiting) < 200


def test_training_keeps_the_calls_of_one_pass_only() -> None:
    cell = gradlab.nn.LSTMCell(3, 4)
    floor = live_calls()
    for number in range(20):
        state = None
        for x in torch.randn(5, 2, 3):
            state = cell(x, state)
        state[0].sum().backward()
        if number in (0, 1, 19):  # a look at everything alive takes a second
            assert live_calls() <= floor + 5
    assert cell.recording.grad_h.shape == (5, 2, 4)
    assert sum(len(weight._backward_hooks or ()) for weight in cell.parameters()) == 4
    del cell, state
    assert live_calls() == floor


def test_separate_sequences_are_kept_apart() -> None:
    module = lstm()
    xs = [series(4), series(7)]
    sum((k + 1) * module(x)[0].square().sum() for k, x in enumerate(xs)).backward()
    recording = module.recording
    assert recording.sequences == 2
    with pytest.raises(ValueError, match="2 separate sequences"):
        _ = recording.grad_h
    for sequence, x in enumerate(xs):
        torch.testing.assert_close(recording.layer(sequence=sequence).grad_x, x.grad)
    assert recording.closure_error < 1e-10
    assert repr(recording).endswith("[4, 2, 4], [7, 2, 4]")


def test_two_sequences_that_branch_from_one_state() -> None:
    module = lstm()
    stem, left, right = series(3), series(2), series(5)
    _, state = module(stem)
    (module(left, state)[0].sum() + module(right, state)[0].square().sum()).backward()
    recording = module.recording
    grads = [recording.layer(sequence=k).grad_x for k in range(recording.sequences)]
    assert sorted(len(grad) for grad in grads) == [5, 5]
    torch.testing.assert_close(torch.cat(grads), torch.cat([stem.grad, left.grad, right.grad]))
    assert recording.closure_error < 1e-10


def test_backward_passes_through_one_graph_add_up() -> None:
    module = lstm()
    x = series()
    output, _ = module(x)
    output[-1].sum().backward(retain_graph=True)
    first = module.recording
    output[2].square().sum().backward()
    torch.testing.assert_close(module.recording.grad_x, x.grad)
    assert module.recording.closure_error < 1e-10
    assert not torch.equal(first.grad_x, x.grad)


def test_a_late_backward_through_an_earlier_pass_leaves_the_closure_unknown() -> None:
    module = lstm()
    early = module(series())[0].sum()
    module(series())[0].sum().backward()
    x = series()
    output = module(x)[0].sum()
    early.backward()
    output.backward()
    torch.testing.assert_close(module.recording.grad_x, x.grad)
    assert math.isnan(module.recording.closure_error)
    assert module.recording.closure_errors == {}


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointed_chunks(reentrant: bool) -> None:
    module = lstm()
    for _ in range(2):
        xs = [series(4), series(5)]
        state = tuple(torch.zeros(1, 2, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
        total = torch.zeros((), dtype=torch.float64)
        for x in xs:
            output, state = checkpoint(module, x, state, use_reentrant=reentrant)
            total = total + output.square().sum()
        total.backward()
        grads = [layer.grad_x for layer in module.recording]
        assert sum(len(grad) for grad in grads) == 9
        for x in xs:
            assert any(
                torch.allclose(grad[k : k + len(x)], x.grad, atol=1e-12) for grad in grads for k in range(len(grad))
            )
        assert module.recording.closure_error < 1e-10


def test_weights_that_are_lent_for_one_call() -> None:
    module = lstm()
    lent = {name: (2 * weight.detach()).requires_grad_() for name, weight in module.named_parameters()}
    x = series()
    torch.func.functional_call(module, lent, (x,))[0].square().sum().backward()
    torch.testing.assert_close(module.recording.grad_x, x.grad)
    assert module.recording.closure_error < 1e-10
    assert torch.equal(module.recording.layer().weights["weight_hh"], lent["weight_hh_l0"])


def test_two_sets_of_weights_in_one_pass_are_refused() -> None:
    module = lstm()
    lent = {name: (2 * weight.detach()).requires_grad_() for name, weight in module.named_parameters()}
    first = module(series())[0].sum()
    (first + torch.func.functional_call(module, lent, (series(),))[0].sum()).backward()
    with pytest.raises(UnsupportedError, match="another weight_ih_l0"):
        _ = module.recording
    module(series())[0].sum().backward()
    assert module.recording.closure_error < 1e-10


def test_inside_function_transforms_the_module_works_and_keeps_nothing() -> None:
    module = lstm()
    x = series().detach()
    expected = torch.autograd.functional.jacobian(lambda x: module(x)[0].sum((0, 2)), x)
    fresh = lstm()
    torch.testing.assert_close(torch.func.jacrev(lambda x: fresh(x)[0].sum((0, 2)))(x), expected)
    with pytest.raises(ValueError, match="no forward pass"):
        _ = fresh.recording


def test_a_vectorised_backward_pass_is_refused() -> None:
    module = lstm()
    x = series()
    output = module(x)[0].sum((0, 2))
    (grads,) = torch.autograd.grad(
        output, x, torch.eye(2, dtype=torch.float64), is_grads_batched=True, retain_graph=True
    )
    assert grads.shape == (2, *x.shape)
    with pytest.raises(UnsupportedError, match="vectorised"):
        _ = module.recording
    output.sum().backward()
    with pytest.raises(UnsupportedError, match="vectorised"):
        _ = module.recording


def test_compiled_code_works_and_keeps_nothing() -> None:
    module = lstm()
    x = series()
    expected = module(x)[0]
    fresh = lstm()
    compiled = torch.compile(lambda x: fresh(x)[0] * 2, backend="eager")
    torch.testing.assert_close(compiled(x), 2 * expected)


def test_parametrised_weights() -> None:
    module = lstm()
    parametrizations.weight_norm(module, "weight_hh_l0")
    x = series()
    module(x)[0].square().sum().backward()
    torch.testing.assert_close(module.recording.grad_x, x.grad)
    assert module.recording.closure_error < 1e-10
    cell = gradlab.nn.RNNCell(3, 4)
    parametrizations.weight_norm(cell, "weight_hh")
    cell(torch.randn(2, 3)).sum().backward()
    with pytest.raises(UnsupportedError, match="parametrised"):
        _ = cell.recording


def test_frozen_weights_are_left_out_of_the_closure() -> None:
    module = lstm()
    module.weight_hh_l0.requires_grad_(False)
    x = series()
    module(x)[0].sum().backward()
    assert set(module.recording.closure_errors) == {"weight_ih_l0", "bias_ih_l0", "bias_hh_l0"}
    torch.testing.assert_close(module.recording.grad_x, x.grad)


def test_hooks_of_others_stay_and_may_change_the_output() -> None:
    module = lstm()
    seen = []
    module.register_forward_hook(lambda module, args, result: (3 * result[0], result[1]))
    module.register_forward_pre_hook(lambda module, args: seen.append(len(module._forward_hooks)))
    x = series()
    module(x)[0].square().sum().backward()
    assert seen == [2]
    assert len(module._forward_hooks) == 1
    torch.testing.assert_close(module.recording.grad_x, x.grad)


def test_a_subclass_with_its_own_forward_works_but_has_no_recording() -> None:
    class Odd(gradlab.nn.RNN):
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            output, final = super().forward(*args, **kwargs)
            return 2 * output, final

    module = Odd(3, 4)
    module(torch.randn(5, 3))[0].sum().backward()
    with pytest.raises(UnsupportedError, match="forward"):
        _ = module.recording


def test_watch_sees_the_same() -> None:
    module = lstm(num_layers=2, bidirectional=True)
    with gradlab.watch(module, every=1, sequences="all", jacobian_times="all", jacobian_sequences=2) as recorder:
        loss = module(series())[0].square().sum()
        loss.backward()
        recorder.step(loss)
    frame = recorder.frame("timesteps")
    for layer in module.recording:
        rows = frame[(frame.layer == layer.layer) & (frame.direction == layer.direction)].sort_values("t")
        lowest = layer.grad_h.norm(dim=-1).amin(1).detach().numpy()
        highest = layer.grad_h.norm(dim=-1).amax(1).detach().numpy()
        assert ((rows.grad_h >= lowest * (1 - 1e-9)) & (rows.grad_h <= highest * (1 + 1e-9))).all()
        shares = layer.weight_gradient_shares().numpy()
        assert abs(rows.weight_gradient_share - shares).max() < 1e-9


def test_nan_is_recorded_as_nan() -> None:
    module = lstm()
    x = series().detach()
    x[3, 1] = math.nan
    module(x)[0].sum().backward()
    grad = module.recording.grad_h
    assert bool(grad[:, 0].isfinite().all())
    assert bool(grad[3, 1].isnan().any())
    sigma = module.recording.singular_values()
    assert bool(sigma[:3].isfinite().all())
    assert bool(sigma[3:, 1].isnan().all())


def test_what_is_not_there_is_named() -> None:
    module = gradlab.nn.GRU(3, 4)
    module(torch.randn(5, 3))[0].sum().backward()
    recording = module.recording
    for wrong in ({"layer": 1}, {"direction": 1}, {"sequence": 1}):
        with pytest.raises(ValueError, match="expected"):
            recording.layer(**wrong)
    with pytest.raises(AttributeError, match="no cell state"):
        _ = recording.grad_c
    with pytest.raises(ValueError, match="weight_hh"):
        recording.weight_gradient_shares("weight_hr")


def test_gradients_of_1e_minus_300_keep_their_shares() -> None:
    module = lstm()
    module(series())[0].square().sum().backward()
    shares = module.recording.weight_gradient_shares()
    module.zero_grad()
    torch.manual_seed(0)
    tiny = lstm()
    tiny.load_state_dict(module.state_dict())
    x = series()
    module(x)[0].square().sum().backward()
    (1e-300 * tiny(x)[0].square().sum()).backward()
    torch.testing.assert_close(tiny.recording.weight_gradient_shares(), module.recording.weight_gradient_shares())
    assert tiny.recording.closure_error < 1e-10
    assert shares.shape == (6,)


def test_selected_jacobians_and_the_operator() -> None:
    module = lstm(num_layers=2)
    module(series())[0].sum().backward()
    layer = module.recording.layer(0)
    matrices = layer.jacobians()
    assert matrices.shape == (6, 2, 8, 8)
    torch.testing.assert_close(layer.jacobians(slice(1, 4), [1]), matrices[1:4, 1:])
    torch.testing.assert_close(layer.jacobians(-1), matrices[-1:])
    operator = layer.jacobians(dense=False)
    vector = torch.randn(6, 2, 8, 1, dtype=torch.float64)
    torch.testing.assert_close(operator.apply(vector), matrices @ vector)
    torch.testing.assert_close(operator.log_abs_det(), torch.linalg.slogdet(matrices).logabsdet)
    spectrum = gradlab.dynamics.lyapunov_spectrum(module.recording.jacobians())
    assert spectrum.exponents.shape == (2, 8)


def test_the_model_may_be_any_container() -> None:
    model = nn.ModuleDict({"encoder": lstm(), "decoder": gradlab.nn.GRU(4, 2, dtype=torch.float64)})
    hidden = model["encoder"](series())[0]
    model["decoder"](hidden)[0].sum().backward()
    grad = model["decoder"].recording.grad_x
    assert grad.shape == hidden.shape
    assert model["encoder"].recording.closure_error < 1e-10
