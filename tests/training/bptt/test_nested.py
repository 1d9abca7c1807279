"""The gradients of all windows from one backward pass, against one backward pass for each."""

import pytest
import torch

from gradlab.tasks import Task
from gradlab.training.bptt import Stretch, bias_columns, ladder, nested_gradients
from gradlab.training.bptt.windows import stretch as cut
from tests.training.bptt.tasks import EveryStep, Linear, Value
from tests.training.spy import SMALL, small_model

CELLS = ["rnn", "lstm", "gru"]


def slowly(model: torch.nn.Module, task: Task, given: Stretch, window: int) -> dict[str, torch.Tensor]:
    """Run to the cut without gradient, and from there on with it."""
    model.zero_grad()
    inputs, state = given.inputs, given.state
    if window < len(inputs):
        with torch.no_grad():
            _, state = model.unroll(inputs[: len(inputs) - window], state)
    outputs, _ = model.unroll(inputs[len(inputs) - window :], state)
    task.loss(outputs if given.counted is None else outputs[-given.counted :], given.batch).backward()
    found = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    return found


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("task", [SMALL, EveryStep()], ids=["end", "every"])
@pytest.mark.parametrize("carried", [False, True])
def test_each_window_is_what_it_is_alone(cell: str, task: Task, carried: bool) -> None:
    model = small_model(task, cell=cell, layers=2, precision="float64")
    batch = task.batch(3, torch.Generator().manual_seed(0)).to(torch.device("cpu"), torch.float64)
    state = None
    if carried:
        state = model.unroll(batch.inputs)[1]
        state = tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
    given = Stretch(batch.inputs, batch, state) if task.reads == "last" else cut(batch, 2, state)
    windows = range(2, task.length + 1)
    found = nested_gradients(model, task, given, windows)
    assert [one.window for one in found] == list(windows)
    for one in found:
        for name, expected in slowly(model, task, given, one.window).items():
            torch.testing.assert_close(
                one.gradients[name], expected, rtol=1e-10, atol=1e-14, msg=f"{one.window} {name}"
            )


@pytest.mark.parametrize("cell", CELLS)
def test_what_arrives_at_the_cut_is_the_gradient_of_that_state(cell: str) -> None:
    model = small_model(cell=cell, precision="float64")
    batch = SMALL.batch(3, torch.Generator().manual_seed(0)).to(torch.device("cpu"), torch.float64)
    [found] = [one for one in nested_gradients(model, SMALL, Stretch(batch.inputs, batch), [2, 6]) if one.window == 2]
    state = model.unroll(batch.inputs[:4])[1]
    parts = [part.detach().requires_grad_() for part in (state if isinstance(state, tuple) else (state,))]
    outputs, _ = model.unroll(batch.inputs[4:], tuple(parts) if isinstance(state, tuple) else parts[0])
    expected = torch.autograd.grad(SMALL.loss(outputs, batch), parts)
    for one, two in zip(found.state_gradients, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-14)
    norms = torch.stack([part.square().sum((0, 2)) for part in expected]).sum(0).sqrt()
    torch.testing.assert_close(found.state_norms, norms)


@pytest.mark.parametrize("a", [0.3, 0.9, -0.7])
def test_a_scalar_linear_recurrence_has_a_bias_of_a_to_the_window(a: float) -> None:
    model = Linear(torch.tensor([[a]], dtype=torch.float64), torch.ones(1, dtype=torch.float64), 0.4)
    steps = 400
    batch = Value().stream(1, 0, steps)
    found = nested_gradients(model, Value(), cut(batch, 1, None), [*range(1, 20), steps])
    columns = bias_columns(found)
    chosen = (columns["parameter"] == "theta") & (columns["window"] < steps)
    for window, error in zip(columns["window"][chosen], columns["relative_error"][chosen], strict=True):
        assert error == pytest.approx(abs(a) ** window, rel=1e-12), window
    assert columns["relative_error"][columns["window"] == steps].tolist() == [0.0, 0.0]


def test_what_a_window_cannot_be() -> None:
    model = small_model(EveryStep())
    given = cut(EveryStep().batch(2, torch.Generator()), 3, None)
    for windows in ([2], [12], [5, 4], [4, 4], []):
        with pytest.raises(ValueError, match="ascending windows from 3 to 11"):
            nested_gradients(model, EveryStep(), given, windows)


@pytest.mark.parametrize(
    "least, steps, others, expected",
    [
        (1, 1, (), [1]),
        (1, 10, (), [1, 2, 4, 8, 10]),
        (3, 48, (7,), [3, 6, 7, 12, 24, 48]),
        (5, 5, (3, 9), [5]),
        (4, 9, (2,), [4, 8, 9]),
    ],
)
def test_the_ladder_of_windows(least: int, steps: int, others: tuple[int, ...], expected: list[int]) -> None:
    assert ladder(least, steps, others) == expected
