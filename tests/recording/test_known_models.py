"""Three kinds of model as their authors would write them, watched without a change to their code."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import gradlab


class LanguageModel(nn.Module):
    """Word-level language model: embedding tied to the decoder, stateful over truncated chunks."""

    def __init__(self, words=40, size=16):
        super().__init__()
        self.drop = nn.Dropout(0.2)
        self.encoder = nn.Embedding(words, size)
        self.rnn = nn.LSTM(size, size, num_layers=2, dropout=0.2)
        self.decoder = nn.Linear(size, words)
        self.decoder.weight = self.encoder.weight

    def forward(self, words, hidden):
        output, hidden = self.rnn(self.drop(self.encoder(words)), hidden)
        return self.decoder(self.drop(output)), hidden


class Tagger(nn.Module):
    """Bidirectional tagger over packed sentences of unequal length."""

    def __init__(self, words=40, size=12, tags=5):
        super().__init__()
        self.embedding = nn.Embedding(words, size)
        self.lstm = nn.LSTM(size, size, bidirectional=True, batch_first=True)
        self.hidden2tag = nn.Linear(2 * size, tags)

    def forward(self, sentences, lengths):
        packed = pack_padded_sequence(self.embedding(sentences), lengths, batch_first=True, enforce_sorted=False)
        output, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.hidden2tag(output)


class Translator(nn.Module):
    """Encoder–decoder with additive attention; the decoder is a cell in a loop that is fed its own choice at times."""

    def __init__(self, words=30, size=10):
        super().__init__()
        self.embedding = nn.Embedding(words, size)
        self.encoder = nn.GRU(size, size)
        self.attention = nn.Linear(2 * size, 1)
        self.decoder = nn.GRUCell(2 * size, size)
        self.out = nn.Linear(size, words)

    def forward(self, source, target, teacher_forcing=0.5):
        memory, h = self.encoder(self.embedding(source))
        h, token, losses = h[0], target[0], []
        for expected in target[1:]:
            query = h.expand(memory.shape[0], -1, -1)
            weights = functional.softmax(self.attention(torch.cat([memory, query], -1)), 0)
            context = (weights * memory).sum(0)
            h = self.decoder(torch.cat([self.embedding(token), context], -1), h)
            scores = self.out(h)
            losses.append(functional.cross_entropy(scores, expected))
            token = expected if torch.rand(()) < teacher_forcing else scores.argmax(-1).detach()
        return torch.stack(losses).mean()


def run_language_model(model, recorder=None):
    """Four training steps on chunks of one long stream, the state carried over and cut off between them."""
    optimiser = torch.optim.SGD(model.parameters(), 0.5)
    stream = torch.randint(0, 40, (4 * 7 + 1, 3), generator=torch.Generator().manual_seed(3))
    hidden = (torch.zeros(2, 3, 16), torch.zeros(2, 3, 16))
    for start in range(0, 28, 7):
        hidden = tuple(part.detach() for part in hidden)
        output, hidden = model(stream[start : start + 7], hidden)
        loss = functional.cross_entropy(output.flatten(0, 1), stream[start + 1 : start + 8].flatten())
        optimiser.zero_grad()
        loss.backward()
        if recorder:
            recorder.step(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimiser.step()


def run_tagger(model, recorder=None):
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    draw = torch.Generator().manual_seed(3)
    for _ in range(4):
        lengths = torch.randint(1, 9, (5,), generator=draw)
        sentences = torch.randint(0, 40, (5, int(lengths.max())), generator=draw)
        tags = torch.randint(0, 5, sentences.shape, generator=draw)
        real = torch.arange(sentences.shape[1]) < lengths.unsqueeze(1)
        optimiser.zero_grad()
        loss = functional.cross_entropy(model(sentences, lengths)[real], tags[real])
        loss.backward()
        if recorder:
            recorder.step(loss)
        optimiser.step()


def run_translator(model, recorder=None):
    optimiser = torch.optim.RMSprop(model.parameters(), 1e-3)
    draw = torch.Generator().manual_seed(3)
    for _ in range(4):
        source = torch.randint(0, 30, (6, 4), generator=draw)
        target = torch.randint(0, 30, (9, 4), generator=draw)
        optimiser.zero_grad()
        loss = model(source, target)
        loss.backward()
        if recorder:
            recorder.step(loss)
        optimiser.step()


CASES = {
    "language model": (LanguageModel, run_language_model, {"rnn": 7}),
    "tagger": (Tagger, run_tagger, {"lstm": None}),
    "translator": (Translator, run_translator, {"encoder": 6, "decoder": 8}),
}


@pytest.mark.parametrize("name", CASES)
def test_watched_without_a_change(name):
    make, run, modules = CASES[name]
    torch.manual_seed(0)
    plain = make()
    seen = copy.deepcopy(plain)
    torch.manual_seed(1)
    run(plain)
    torch.manual_seed(1)
    with gradlab.watch(seen, every=1, check_every=1) as recorder:
        run(seen, recorder)
    for a, b in zip(plain.parameters(), seen.parameters(), strict=True):
        assert torch.equal(a, b)
    times, parameters = recorder.frame("timesteps"), recorder.frame("parameters")
    assert set(times["module"]) == set(modules)
    for module, steps in modules.items():
        rows = times[times["module"] == module]
        assert set(rows["call"]) == {0}
        assert np.isfinite(rows["grad_h"]).all()
        if steps is not None:
            assert (rows.groupby(["step", "layer", "direction"])["t"].nunique() == steps).all()
    closure = parameters["closure_error"].dropna()
    assert len(closure) >= 4 * 4
    assert closure.max() < 1e-5


def test_padding_is_no_step():
    """A sentence of two words among longer ones counts in two time steps, in both directions."""
    torch.manual_seed(0)
    model = Tagger()
    lengths = torch.tensor([2, 5, 4])
    with gradlab.watch(model, every=1, sequences="all") as recorder:
        loss = model(torch.randint(0, 40, (3, 5)), lengths).sum()
        loss.backward()
        recorder.step(loss)
    counted = recorder.frame("timesteps").pivot(index="direction", columns="t", values="sequences")
    assert counted.loc[0].tolist() == counted.loc[1].tolist() == [3, 3, 2, 2, 1]
