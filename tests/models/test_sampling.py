"""Sampling: what is said is drawn from the net's own probabilities, and is a function of the seed."""

import math

import pytest
import torch
from torch import Tensor

from gradlab.models import ModelSettings, SequenceModel, build, sample, sample_text
from gradlab.models.sampling import choose
from gradlab.tasks import Characters
from tests.models.cases import Sizes

CELLS = ("rnn", "lstm", "gru", "lru", "cornn")


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def net(cell: str = "lstm", **settings: object) -> SequenceModel:
    values = {"cell": cell, "hidden": 8, **settings}
    return build(ModelSettings.model_validate(values), Sizes("every", "tokens", 6, 6), 0)


def prompt() -> Tensor:
    return torch.randint(0, 6, (4, 3), generator=source(9))


@pytest.mark.parametrize("cell", CELLS)
def test_every_token_is_drawn_after_reading_all_before_it(cell: str) -> None:
    """Against reading the whole text anew for every token, with the same generator."""
    model = net(cell, precision="float64")
    said = sample(model, prompt(), 9, source())
    generator, text = source(), prompt()
    for _ in range(9):
        with torch.no_grad():
            token = choose(model(text)[-1], generator)
        text = torch.cat((text, token.unsqueeze(0)))
    assert torch.equal(said, text[4:])


def test_the_seed_decides() -> None:
    model = net()
    first = sample(model, prompt(), 30, source(1))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert torch.equal(first, sample(model, prompt(), 30, source(1)))
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.equal(first, sample(model, prompt(), 30, source(2)))


def test_training_is_left_as_it_was() -> None:
    model = net(layers=2, dropout=0.5)
    model.readout.eval()
    said = sample(model, prompt(), 5, source())
    assert model.training and model.recurrent.training and not model.readout.training
    assert torch.equal(said, sample(model.eval(), prompt(), 5, source()))
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_choices_have_the_probabilities_of_the_temperature(temperature: float) -> None:
    logits = torch.tensor([0.0, 1.0, -1.0, -math.inf])
    drawn = choose(logits.expand(100_000, 4), source(), temperature)
    weights = [math.exp(logit / temperature) for logit in logits.tolist()]
    expected = [weight / sum(weights) for weight in weights]
    assert (torch.bincount(drawn, minlength=4) / 100_000).tolist() == pytest.approx(expected, abs=0.006)


def test_cold_takes_the_likeliest_and_hot_takes_anything() -> None:
    logits = torch.tensor([0.0, 3.0, 2.9]).expand(30_000, 3)
    assert (choose(logits, source(), 0.0) == 1).all()
    assert (choose(logits, source(), 1e-300) == 1).all()
    hot = torch.bincount(choose(logits, source(), math.inf), minlength=3) / 30_000
    assert hot.tolist() == pytest.approx([1 / 3] * 3, abs=0.01)


def test_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match="temperature ≥ 0, got -1"):
        sample(net(), prompt(), 2, source(), -1.0)
    with pytest.raises(ValueError, match="at least one token"):
        sample(net(), prompt()[:0], 2, source())
    with pytest.raises(ValueError, match="read at the last step"):
        sample(build(ModelSettings(), Sizes(inputs="tokens"), 0), prompt(), 2, source())
    with pytest.raises(ValueError, match="no longer finite"):
        choose(torch.tensor([[0.0, math.nan]]), source())
    with pytest.raises(ValueError, match="expected a SequenceModel, got Linear"):
        sample_text(torch.nn.Linear(1, 1), Characters().source, "a", 3, seed=0)


def test_text_of_a_net_that_knows_the_alphabet_by_heart(tmp_path) -> None:
    """A net whose weights say: the next letter follows this one."""
    (tmp_path / "abc.txt").write_text("abcdefgh" * 30, encoding="utf-8")
    task = Characters(text="file", path=str(tmp_path / "abc.txt"), steps=5)
    model = build(ModelSettings(cell="rnn", hidden=8), task, 0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.recurrent.weight_ih_l0.copy_(9 * torch.eye(8))
        model.readout.weight.copy_(200 * torch.roll(torch.eye(8), 1, 0))
    assert sample_text(model, task.source, "abc", 10, seed=3) == "defghabcde"
    assert sample_text(model, task.source, "h", 0, seed=3) == ""
    assert len(sample_text(model, task.source, "h", 50, seed=3, temperature=1e9)) == 50
