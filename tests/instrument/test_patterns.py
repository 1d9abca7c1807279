"""Random ways of calling a module in one training step, against cells unrolled by hand with the same cuts."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gradlab.instrument import Capture, layout, replay
from gradlab.recurrence import weight_gradients

from .compare import assert_close
from .unrolled import CELL, cells_of

CHUNK = st.tuples(st.integers(1, 5), st.sampled_from(["carried", "detached", "fresh"]))


@settings(deadline=None, max_examples=40)
@given(
    kind=st.sampled_from([nn.RNN, nn.LSTM, nn.GRU]),
    chunks=st.lists(CHUNK, min_size=1, max_size=5),
    batch=st.integers(1, 3),
    hidden=st.integers(1, 4),
    as_cell=st.booleans(),
    uses=st.sampled_from(["outputs", "last state", "some outputs"]),
    backwards=st.integers(1, 2),
    seed=st.integers(0, 1000),
)
def test_chunks_cuts_and_losses(kind, chunks, batch, hidden, as_cell, uses, backwards, seed):
    """Chunks with carried, detached or fresh states, read in different ways, with one backward pass or two."""
    torch.manual_seed(seed)
    module = kind(3, hidden, dtype=torch.float64)
    (row,) = cells_of(module)
    twin = row[0]
    watched = twin_of(module) if as_cell else module
    capture = Capture("net", layout(watched, "net"))
    capture.arm()
    inputs = [torch.randn(steps, batch, 3, dtype=torch.float64) for steps, _ in chunks]
    losses = loss_of(run(watched, inputs, chunks, as_cell), uses)
    truth = run(twin, inputs, chunks, True)
    expected = loss_of(truth, uses)
    for total in (losses, expected):
        for number in range(backwards):
            (total * (number + 1)).backward(retain_graph=number + 1 < backwards)
    passes = sorted(replay(capture.calls), key=lambda p: (p.sequence, p.offset))
    got = torch.cat([p.adjoint.states[0] for p in passes])
    states = [state for chunk in truth for state in chunk]
    assert_close(got, torch.stack([grad_of(state[0]) for state in states]), 1e-10, "dL/dh")
    if kind is nn.LSTM:
        cells = torch.cat([p.adjoint.states[1] for p in passes])
        assert_close(cells, torch.stack([grad_of(state[1]) for state in states]), 1e-10, "dL/dc")
    begins = [0] + [int(how == "fresh") for _, how in chunks[1:]]
    assert len({p.sequence for p in passes}) == 1 + sum(begins)
    rebuilt: dict[str, torch.Tensor] = {}
    for passed in passes:
        for short, gradient in weight_gradients(passed.adjoint).items():
            rebuilt[short] = rebuilt.get(short, torch.zeros_like(gradient)) + gradient
    for name, parameter in twin.named_parameters():
        assert_close(rebuilt[name], grad_of(parameter), 1e-10, name)


def twin_of(module):
    """A cell of torch with the weights of a layer."""
    cell = CELL[type(module)](3, module.hidden_size, dtype=torch.float64)
    cell.load_state_dict({name[:-3]: value for name, value in module.state_dict().items()})
    return cell


def run(module, inputs, chunks, as_cell):
    """All states `(h,)` or `(h, c)` chunk by chunk; of a layer only h at every step, the full state at the last."""
    state, passed = None, []
    for x, (_, how) in zip(inputs, chunks, strict=True):
        if how == "fresh":
            state = None
        elif how == "detached" and state is not None:
            state = tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
        if as_cell:
            states = []
            for step in x:
                state = module(step, state)
                states.append(state if isinstance(state, tuple) else (state,))
                for part in states[-1]:
                    if part.requires_grad:
                        part.retain_grad()
        else:
            output, state = module(x, state)
            last = state if isinstance(state, tuple) else (state,)
            # At the last step the loss reads what is returned as the state, which is another tensor than the output.
            states = [(h,) for h in output[:-1]] + [tuple(part[0] for part in last)]
        passed.append(states)
    return passed


def loss_of(passed, uses):
    """A loss that reads every hidden state, the last states of the chunks, or every other hidden state."""
    if uses == "last state":
        return sum((part**2).sum() for chunk in passed for part in chunk[-1])
    step = 2 if uses == "some outputs" else 1
    return sum((state[0] ** 3).sum() for chunk in passed for state in chunk[::step])


def grad_of(tensor):
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
