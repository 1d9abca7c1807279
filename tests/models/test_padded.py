"""Sequences of different lengths: each answers as if it were alone, whatever the cell, the window and the recorder."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gradlab.models import ModelSettings, SequenceModel, build
from gradlab.models.cells import RECURRENCE
from gradlab.recording import watch
from gradlab.tasks import Padded, aligned
from gradlab.tasks.padded import mean_over_real
from tests.models.cases import Sizes

CELLS = tuple(RECURRENCE)
LENGTHS = [5, 9, 1, 9, 3]


def net(cell: str, reads: str, **settings: object) -> SequenceModel:
    values = {"cell": cell, "hidden": 4, "layers": 2, "precision": "float64", **settings}
    return build(ModelSettings.model_validate(values), Sizes(reads, "numbers", 3, 2), 0)


def sequences(lengths: list[int] = LENGTHS) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(length, 3, generator=generator, dtype=torch.float64) for length in lengths]


def poisoned(given: Padded) -> Padded:
    """The same with NaN wherever there is padding."""
    return Padded(torch.where(given.real().unsqueeze(-1), given.values, torch.nan), given.lengths)


def test_sequences_are_aligned_at_their_ends() -> None:
    given = aligned(sequences())
    assert len(given) == 9 and given.lengths.tolist() == LENGTHS and given.shortest == 1
    for place, sequence in enumerate(sequences()):
        assert torch.equal(given.values[9 - len(sequence) :, place], sequence)
        assert given.real()[:, place].tolist() == [False] * (9 - len(sequence)) + [True] * len(sequence)
    tokens = aligned([torch.tensor([3, 1]), torch.tensor([2])])
    assert tokens.values.tolist() == [[3, 0], [1, 2]]


@pytest.mark.parametrize(("begin", "end"), [(0, 9), (0, 3), (2, 6), (5, 9), (8, 9), (4, 4)])
def test_a_window_knows_what_is_real_in_it(begin: int, end: int) -> None:
    given = aligned(sequences())
    window = given[begin:end]
    assert torch.equal(window.real(), given.real()[begin:end])
    assert window.lengths.tolist() == given.real()[begin:end].sum(0).tolist()
    assert torch.equal(window.values, given.values[begin:end])


@pytest.mark.parametrize("reads", ["last", "every"])
@pytest.mark.parametrize("cell", CELLS)
def test_each_sequence_answers_as_if_it_were_alone(cell: str, reads: str) -> None:
    model = net(cell, reads)
    outputs, state = model.unroll(poisoned(aligned(sequences())))
    for place, sequence in enumerate(sequences()):
        alone, own = model.unroll(sequence.unsqueeze(1))
        found = outputs[place] if reads == "last" else outputs[9 - len(sequence) :, place]
        torch.testing.assert_close(found, alone[0] if reads == "last" else alone[:, 0], rtol=1e-10, atol=1e-12)
        for one, other in zip(_parts(state), _parts(own), strict=True):
            torch.testing.assert_close(one[:, place], other[:, 0], rtol=1e-10, atol=1e-12)


def _parts(state: object) -> tuple[torch.Tensor, ...]:
    assert isinstance(state, tuple | torch.Tensor)
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("edges", [[0, 4, 9], [0, 1, 2, 8, 9], [0, 9]])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "lru", "peephole_lstm"])
def test_windows_one_behind_the_other_are_the_whole(cell: str, edges: list[int]) -> None:
    """Also those in which some sequences, or all, have not begun."""
    model = net(cell, "every")
    given = aligned(sequences([5, 6, 1, 6, 3]))
    given = Padded(torch.cat((torch.full((3, 5, 3), torch.nan).double(), given.values)), given.lengths)
    expected, end = model.unroll(given)
    state, found = None, []
    for begin, stop in pairwise(edges):
        outputs, state = model.unroll(given[begin:stop], state)
        found.append(outputs)
    real = given.real()
    torch.testing.assert_close(torch.cat(found)[real], expected[real], rtol=1e-10, atol=1e-12)
    for one, other in zip(_parts(state), _parts(end), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_those_of_the_sequences_alone(cell: str) -> None:
    model = net(cell, "last")
    model(aligned(sequences())).square().sum().backward()
    found = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    for sequence in sequences():
        model(sequence.unsqueeze(1)).square().sum().backward()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(found[name], weight.grad, rtol=1e-9, atol=1e-12, msg=name)


@pytest.mark.parametrize("cell", CELLS)
def test_the_recorder_sees_real_steps_only(cell: str) -> None:
    """And what it rebuilds from them is autograd's gradient: the closure check raises otherwise."""
    model = net(cell, "every", dropout=0.4)
    with watch(model, every=1, check_every=1, sequences="all") as recorder:
        given = aligned(sequences())
        loss = mean_over_real(model(given).square().sum(-1), given)
        loss.backward()
        recorder.step(loss)
    assert recorder.frame("parameters")["closure_error"].max() < 1e-8
    frame = recorder.frame("timesteps")
    frame = frame[frame["layer"] == 0].sort_values("t")
    expected = [sum(length > t for length in LENGTHS) for t in range(9)]
    assert frame.groupby("t")["sequences"].first().tolist() == expected


def test_packed_sequences_go_through_gradlabs_layers_as_through_torchs() -> None:
    ours = net("peephole_lstm", "every").recurrent
    theirs = nn.LSTM(3, 4, 2, dtype=torch.float64)
    with torch.no_grad():
        for name, weight in ours.named_parameters():
            if name.startswith("weight_ch"):
                weight.zero_()
        same = {name: weight for name, weight in ours.named_parameters() if name in theirs.state_dict()}
        for name, weight in theirs.named_parameters():
            if name in same:
                weight.copy_(same[name])
            else:
                weight.zero_()
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(9, 5, 3, generator=generator, dtype=torch.float64)
    start = tuple(torch.randn(2, 5, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    packed = pack_padded_sequence(values, torch.tensor(LENGTHS), enforce_sorted=False)
    for hx in (None, start):
        (one, ends), (other, their_ends) = ours(packed, hx), theirs(packed, hx)
        torch.testing.assert_close(pad_packed_sequence(one)[0], pad_packed_sequence(other)[0])
        for mine, torchs in zip(ends, their_ends, strict=True):
            torch.testing.assert_close(mine, torchs)


def test_the_mean_leaves_padding_out() -> None:
    given = aligned(sequences())
    each = torch.where(given.real(), 2.0, torch.nan)
    assert float(mean_over_real(each, given)) == 2.0
    assert float(mean_over_real(torch.ones(4, 3), torch.zeros(4, 3))) == 1.0
    assert float(mean_over_real(each[:0], given[4:4])) == 0.0
