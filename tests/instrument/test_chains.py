"""Which calls form one sequence."""

import torch
from torch import nn

from gradlab.instrument import Capture, layout, replay
from gradlab.instrument.chains import places


def captured(module):
    capture = Capture("net", layout(module, "net"))
    capture.arm()
    return capture


def where(capture):
    return [(place.sequence, place.offset) for place in places(capture.calls)]


def test_chunks_with_carried_state_continue_the_time():
    module = nn.LSTM(2, 3)
    capture = captured(module)
    state = None
    for _ in range(3):
        output, state = module(torch.randn(5, 4, 2), state)
    output.sum().backward()
    assert where(capture) == [(0, 0), (0, 5), (0, 10)]


def test_a_detached_state_still_carries_the_time():
    module = nn.GRU(2, 3, batch_first=True)
    capture = captured(module)
    output, state = module(torch.randn(4, 5, 2))
    output, state = module(torch.randn(4, 5, 2), state.detach())
    output.sum().backward()
    assert where(capture) == [(0, 0), (0, 5)]
    first, second = sorted(replay(capture.calls), key=lambda p: p.offset)
    assert first.adjoint.states[0].abs().sum() == 0
    assert second.adjoint.states[0].abs().sum() > 0


def test_two_inputs_through_one_module_are_two_sequences():
    module = nn.RNN(2, 3)
    capture = captured(module)
    (module(torch.randn(5, 4, 2))[0].sum() + module(torch.randn(7, 4, 2))[0].sum()).backward()
    assert where(capture) == [(0, 0), (1, 0)]


def test_a_cell_whose_state_is_masked_between_the_steps_stays_one_sequence():
    cell = nn.GRUCell(2, 3)
    capture = captured(cell)
    h = torch.zeros(4, 3)
    for t in range(6):
        new = cell(torch.randn(4, 2), h)
        h = torch.where(torch.tensor([[t < 3], [True], [True], [t < 5]]), new, h)
    h.sum().backward()
    assert where(capture) == [(0, t) for t in range(6)]
    (passed,) = replay(capture.calls)
    assert passed.steps == 6


def test_two_loops_over_one_cell_are_two_sequences():
    cell = nn.LSTMCell(2, 3)
    capture = captured(cell)
    total = 0
    for _ in range(2):
        state = None
        for _ in range(3):
            state = cell(torch.randn(4, 2), state)
        total = total + state[0].sum()
    total.backward()
    assert where(capture) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


def test_two_loops_from_zeros_are_two_sequences():
    cell = nn.RNNCell(2, 3)
    capture = captured(cell)
    total = 0
    for _ in range(2):
        h = torch.zeros(4, 3)
        for _ in range(3):
            h = cell(torch.randn(4, 2), h)
        total = total + h.sum()
    total.backward()
    assert where(capture) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
