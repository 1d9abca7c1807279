"""The synthetic tasks: positions, answers and sizes as published."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gradlab.models import ModelSettings, build
from gradlab.tasks import CopyMemory, DelayedRecall, FlipFlop, Parity, TemporalOrder
from gradlab.tasks.partition import belongs, draw_parted

seeds = st.integers(0, 2**32)
split = st.sampled_from(["train", "test"])


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("delay", "published"), [(100, 0.173287), (200, 0.094520), (500, 0.039989)])
def test_copy_memory_without_memory(delay: int, published: float) -> None:
    assert CopyMemory(delay=delay).chance.loss == pytest.approx(published, abs=5e-7)


@settings(deadline=None, max_examples=25)
@given(delay=st.integers(1, 60), seed=seeds, split=split)
def test_copy_memory_asks_for_what_it_showed(delay: int, seed: int, split: str) -> None:
    task = CopyMemory(delay=delay)
    batch = task.batch(9, source(seed), split)
    for shown, asked in zip(batch.inputs.T.tolist(), batch.targets.T.tolist(), strict=True):
        assert shown[10:] == [8] * (delay - 1) + [9] + [8] * 10
        assert asked == [8] * (delay + 10) + shown[:10]
        assert set(shown[:10]) <= set(range(8))
    lag = task.demanded_lag
    assert torch.equal(batch.targets[-10:], batch.inputs[-10 - lag : -lag])


@settings(deadline=None, max_examples=25)
@given(steps=st.integers(10, 130), seed=seeds, split=split)
def test_temporal_order_has_two_letters_at_pascanus_positions(steps: int, seed: int, split: str) -> None:
    batch = TemporalOrder(steps=steps).batch(20, source(seed), split)
    for tokens, target in zip(batch.inputs.T.tolist(), batch.targets.tolist(), strict=True):
        (first, second) = (place for place, token in enumerate(tokens) if token < 2)
        tenth = steps // 10
        assert tenth <= first < 2 * tenth and steps // 2 <= second < steps // 2 + tenth
        assert target == 2 * tokens[first] + tokens[second]


def test_temporal_order_comes_at_every_position_in_every_order() -> None:
    batch = TemporalOrder(steps=100).batch(20_000, source())
    letters = batch.inputs < 2
    assert letters.any(dim=1).nonzero().flatten().tolist() == [*range(10, 20), *range(50, 60)]
    assert torch.bincount(batch.targets).numpy() / 20_000 == pytest.approx(0.25, abs=0.012)
    distractors = torch.bincount(batch.inputs.flatten())[2:].double()
    assert (distractors / distractors.sum()).numpy() == pytest.approx(0.25, abs=0.002)
    assert TemporalOrder(steps=100).demanded_lag == 99 - 10


def test_temporal_order_with_the_papers_net_has_its_parameters() -> None:
    model = build(ModelSettings(cell="rnn", hidden=50), TemporalOrder(), 0)
    ours = sum(parameter.numel() for parameter in model.parameters())
    papers = 6 * 50 + 50 * 50 + 50 + 50 * 4 + 4
    assert ours == papers + 50  # torch has a second bias


@settings(deadline=None, max_examples=25)
@given(delay=st.integers(5, 40), symbols=st.integers(2, 9), seed=seeds, split=split)
def test_delayed_recall_names_the_first_symbol(delay: int, symbols: int, seed: int, split: str) -> None:
    task = DelayedRecall(delay=delay, symbols=symbols)
    batch = task.batch(9, source(seed), split)
    assert torch.equal(batch.inputs[0], batch.targets)
    assert (batch.inputs[-1] == task.input_size - 1).all()
    between = batch.inputs[1:-1]
    assert len(between) == delay and int(between.min()) >= symbols and int(between.max()) < symbols + 4


@settings(deadline=None, max_examples=25)
@given(steps=st.integers(6, 40), seed=seeds, split=split)
def test_parity_counts_ones(steps: int, seed: int, split: str) -> None:
    batch = Parity(steps=steps).batch(12, source(seed), split)
    assert set(batch.inputs.flatten().tolist()) <= {-1.0, 1.0}
    for bits, target in zip(batch.inputs[..., 0].T.tolist(), batch.targets.tolist(), strict=True):
        assert target == sum(bit > 0 for bit in bits) % 2


def test_the_split_leaves_parity_to_chance() -> None:
    """Of all rows of six, in each split every row stands beside the one that differs in the last bit alone."""
    rows = torch.cartesian_prod(*[torch.tensor([0, 1])] * 6).T
    for split in ("train", "test"):
        chosen = rows[:, belongs(rows[:-1], split)]
        earlier = {tuple(row) for row in chosen[:-1].T.tolist()}
        assert chosen.shape[1] == 2 * len(earlier) > 0
        assert (chosen.sum(0) % 2).double().mean() == 0.5


@settings(deadline=None, max_examples=25)
@given(channels=st.integers(1, 4), pulses=st.floats(0.02, 0.9), seed=seeds, split=split)
def test_flip_flops_hold_the_last_pulse(channels: int, pulses: float, seed: int, split: str) -> None:
    batch = FlipFlop(steps=30, channels=channels, pulses=pulses).batch(5, source(seed), split)
    for sequence in range(5):
        for channel in range(channels):
            held = 0.0
            for t in range(30):
                pulse = float(batch.inputs[t, sequence, channel])
                held = pulse or held
                assert held in (-1.0, 1.0) and float(batch.targets[t, sequence, channel]) == held


def test_flip_flops_are_held_as_long_as_is_said() -> None:
    task = FlipFlop(steps=1000, channels=2, pulses=0.05)
    pulses = task.batch(200, source()).inputs != 0
    assert float(pulses[1:].double().mean()) == pytest.approx(0.05, abs=0.001)
    assert task.demanded_lag == math.ceil(1 / 0.05)
    assert FlipFlop(steps=20, pulses=0.001).demanded_lag == 19


@pytest.mark.parametrize(
    "make",
    [
        lambda: CopyMemory(delay=0),
        lambda: TemporalOrder(steps=9),
        lambda: DelayedRecall(delay=4),
        lambda: Parity(steps=5),
        lambda: FlipFlop(pulses=1.0),
    ],
)
def test_what_cannot_be_is_refused(make) -> None:
    with pytest.raises(ValidationError):
        make()


def test_a_fifth_of_all_sequences_is_for_testing_and_every_one_comes_up() -> None:
    everything = torch.cartesian_prod(*[torch.arange(4)] * 5).T
    is_test = belongs(everything, "test")
    assert float(is_test.double().mean()) == pytest.approx(0.2, abs=0.03)
    assert torch.equal(belongs(everything, "train"), ~is_test)
    generator = source()
    drawn = draw_parted(lambda count: torch.randint(0, 4, (5, count), generator=generator), 20_000, "test")
    assert {tuple(column) for column in drawn.T.tolist()} == {tuple(c) for c in everything[:, is_test].T.tolist()}


def test_the_split_is_this_one_for_good() -> None:
    tokens = torch.arange(60).reshape(3, 20)
    assert np.flatnonzero(belongs(tokens, "test").numpy()).tolist() == [1, 8, 13, 14, 15]
