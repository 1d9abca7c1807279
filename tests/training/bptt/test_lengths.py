"""Sequences of different lengths in every form of backpropagation: each counts as it would alone."""

import pytest
import torch

from gradlab.recording import watch
from gradlab.tasks import Adding, Batch, Padded, Task
from gradlab.training import TrainingSettings, train
from gradlab.training.bptt import AnyBptt, Full, Stretch, Truncated, leading_exponent, nested_gradients
from gradlab.training.bptt.windows import stretch as cut
from gradlab.training.seeds import generator
from gradlab.training.stopping import reach
from tests.training.bptt.tasks import Uneven
from tests.training.bptt.test_truncated import WAYS
from tests.training.spy import small_model, weights

ENDS = Adding(steps=6, longer=1.0)
EVERY = Uneven()
CPU64 = (torch.device("cpu"), torch.float64)


def alone(batch: Batch, place: int, last: bool) -> Batch:
    """One sequence without padding."""
    assert isinstance(batch.inputs, Padded)
    length = int(batch.inputs.lengths[place])
    inputs = batch.inputs.values[-length:, place : place + 1]
    return Batch(inputs, batch.targets[place : place + 1] if last else batch.targets[-length:, place : place + 1])


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "lru"])
@pytest.mark.parametrize("task", [ENDS, EVERY], ids=["end", "every"])
def test_a_window_is_the_mean_of_the_windows_of_each_sequence(cell: str, task: Task) -> None:
    """Cut off so many steps before the common end, or not at all where a sequence is shorter."""
    model = small_model(task, cell=cell, layers=2, precision="float64")
    batch = task.batch(5, torch.Generator().manual_seed(0)).to(*CPU64)
    last = task.reads == "last"
    given = Stretch(batch.inputs, batch) if last else cut(batch, 1, None)
    every = nested_gradients(model, task, given, range(1, len(batch.inputs) + 1))
    model.zero_grad()
    for found in every:
        expected: dict[str, torch.Tensor] = {}
        for place in range(5):
            one = alone(batch, place, last)
            whole = Stretch(one.inputs, one) if last else cut(one, 1, None)
            [gradient] = nested_gradients(model, task, whole, [min(found.window, len(one.inputs))])
            model.zero_grad()
            for name, value in gradient.gradients.items():
                expected[name] = expected.get(name, 0) + value / 5
        for name, value in expected.items():
            torch.testing.assert_close(
                found.gradients[name], value, rtol=1e-9, atol=1e-13, msg=f"{found.window} {name}"
            )


@pytest.mark.parametrize("k1", [1, 4, 7])
def test_windows_on_the_way_add_up_to_the_means_of_real_steps(k1: int) -> None:
    """The state is carried, and is zero until a sequence begins; the losses are those of the whole in parts."""
    model = small_model(EVERY, cell="lstm", precision="float64")
    way = Truncated(k1=k1).start(EVERY, 4, 5)
    batch = EVERY.batch(4, generator(5, "batches")).to(*CPU64)
    assert isinstance(batch.inputs, Padded)
    with torch.no_grad():
        outputs = model(batch.inputs)
    for begin in range(0, len(batch.inputs), k1):
        window = slice(begin, begin + k1)
        expected = EVERY.loss(outputs[window], Batch(batch.inputs[window], batch.targets[window]))
        assert float(way(model)) == pytest.approx(float(expected), rel=1e-12)
        model.zero_grad()


@pytest.mark.parametrize("task", [ENDS, EVERY], ids=["end", "every"])
def test_windows_as_long_as_the_longest_are_full_backpropagation(task: Task) -> None:
    trained = []
    for way in (Full(), Truncated(k1=20)):
        net = small_model(task, layers=2, dropout=0.3)
        outcome = train(net, task, TrainingSettings(steps=12, batch=4, bptt=way, evaluation_size=8), seed=2)
        assert outcome.status == "finished"
        trained.append((weights(net), outcome.final_loss))
    assert trained[0] == trained[1]


@pytest.mark.parametrize("cell", ["lstm", "lru"])
@pytest.mark.parametrize("task", [ENDS, EVERY], ids=["end", "every"])
@pytest.mark.parametrize("way", [Full(), *WAYS], ids=str)
def test_the_recorder_agrees_with_autograd(cell: str, task: Task, way: AnyBptt) -> None:
    nets = []
    for watched in (False, True):
        net = small_model(task, cell=cell, layers=2)
        settings = TrainingSettings.model_validate(
            {
                "steps": 9,
                "batch": 4,
                "bptt": way,
                "evaluation_size": 8,
                "measure": {"bias_every": 4, "cliff_at": (5,), "cliff_points": 3},
            }
        )
        if watched:
            with watch(net, every=1, check_every=1, sequences="all") as recorder:
                train(net, task, settings, seed=2, recorder=recorder)
            assert recorder.frame("parameters")["closure_error"].dropna().max() < 1e-4
            assert recorder.frame("truncation")["relative_error"].notna().all()
            assert len(recorder.frame("cliff"))
        else:
            train(net, task, settings, seed=2)
        nets.append(weights(net))
    assert nets[0] == nets[1]


def test_reach_asks_for_steps_that_all_sequences_have() -> None:
    model = small_model(ENDS, cell="lstm", forget_bias=8.0)
    way = Full().start(ENDS, 6, 0)
    way(model)
    assert reach(model, ENDS, way) > 0.1


def test_the_exponent_is_that_of_real_steps() -> None:
    model = small_model(EVERY, cell="rnn", precision="float64")
    batch = EVERY.batch(4, torch.Generator().manual_seed(1)).to(*CPU64)
    assert -5 < leading_exponent(model, Stretch(batch.inputs, batch)) < 1
