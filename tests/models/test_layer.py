"""Layers of any recurrence: what torch also has comes out as torch's, and gradients are autograd's."""

import pickle

import pytest
import torch
from torch import nn

from gradlab.models import RecurrentLayer
from gradlab.recurrence import GRU, LSTM, RECURRENCES, RNN, Recurrence
from tests.comparison import assert_equal


@pytest.mark.parametrize(("recurrence", "kind"), [(RNN(), nn.RNN), (LSTM(), nn.LSTM), (GRU(), nn.GRU)], ids=str)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_layer_of_a_recurrence_that_torch_has_is_torchs(recurrence: Recurrence, kind: type, dropout: float) -> None:
    torch.manual_seed(0)
    theirs = kind(3, 5, 2, dropout=dropout).double()
    ours = RecurrentLayer(recurrence, 3, 5, 2, dropout).double()
    ours.load_state_dict(theirs.state_dict())
    inputs = torch.randn(7, 4, 3, dtype=torch.float64)
    state = tuple(torch.randn(2, 4, 5, dtype=torch.float64) for _ in recurrence.state_names)
    for hx in (None, state if len(state) > 1 else state[0]):
        results = []
        for module in (theirs, ours):
            module.zero_grad()
            torch.manual_seed(1)
            output, final = module(inputs, hx)
            last = final if isinstance(final, tuple) else (final,)
            (output.square().sum() + sum(part.sum() for part in last)).backward()
            results.append((output.detach(), [part.detach() for part in last]))
        assert_equal(results[1][0], results[0][0], 1e-13, "outputs")
        for a, b in zip(results[1][1], results[0][1], strict=True):
            assert_equal(a, b, 1e-13, "final state")
        for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            assert a.grad is not None and b.grad is not None
            assert_equal(a.grad, b.grad, 1e-12, name)


@pytest.mark.parametrize("recurrence", RECURRENCES, ids=str)
def test_a_layer_can_be_copied_and_says_what_it_is(recurrence: Recurrence) -> None:
    layer = RecurrentLayer(recurrence, 3, 4, 2)
    again = pickle.loads(pickle.dumps(layer))
    assert again.recurrence == recurrence
    inputs = torch.randn(5, 2, 3)
    assert torch.equal(layer(inputs)[0], again(inputs)[0])
    assert str(recurrence) in repr(layer) and "num_layers=2" in repr(layer)


def test_a_state_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected 2 tensors for the state \('h', 'c'\), got 1"):
        RecurrentLayer(LSTM(), 3, 4)(torch.zeros(2, 1, 3), torch.zeros(1, 1, 4))
