"""Truncated windows against a loop by hand, and what they are when they cut off nothing."""

import pytest
import torch

from gradlab.models import ModelSettings, build
from gradlab.recording import watch
from gradlab.tasks import Captions, Task
from gradlab.training import TrainingSettings, train
from gradlab.training.bptt import Adaptive, AnyBptt, Full, Randomised, Truncated
from gradlab.training.seeds import generator
from tests.training.bptt.tasks import EveryStep, Stream
from tests.training.bptt.test_influence_balancing import Rows
from tests.training.spy import SMALL, small_model, weights

Plain = {"cell": "lstm", "layers": 2, "precision": "float64"}
CPU64 = (torch.device("cpu"), torch.float64)


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: weight.grad.clone() for name, weight in model.named_parameters()}


def by_hand(model: torch.nn.Module, task: EveryStep, inputs, targets, k1: int, k2: int):
    """Gradients of all windows of one sequence, each with the states recomputed from the very beginning."""
    steps = len(inputs)
    for start in range(0, steps, k1):
        stop = min(start + k1, steps)
        begin = max(0, stop - k2) if stop - start == k1 else max(0, start + k1 - k2)
        model.zero_grad()
        with torch.no_grad():
            state = model.unroll(inputs[:begin])[1] if begin else None
        outputs = model.unroll(inputs[begin:stop], state)[0][start - begin :]
        task.loss(outputs, type(task.batch(1, torch.Generator()))(inputs[start:stop], targets[start:stop])).backward()
        yield gradients(model)


@pytest.mark.parametrize("k1, k2", [(4, 4), (3, 7), (1, 5), (11, 11), (4, 30), (20, 20)])
@pytest.mark.parametrize("task", [EveryStep(), Stream(total=11)], ids=["sequences", "streams"])
def test_every_window_is_that_of_a_loop_by_hand(task: EveryStep, k1: int, k2: int) -> None:
    """Without updates in between the carried states are those of now, so that the two must agree."""
    model = small_model(task, **Plain)
    way = Truncated(k1=k1, k2=k2).start(task, 3, 5)
    source = generator(5, "batches")
    for _ in range(2):
        batch = task.stream(3, 0, 11) if isinstance(task, Stream) else task.batch(3, source)
        batch = batch.to(*CPU64)
        for number, expected in enumerate(by_hand(model, task, batch.inputs, batch.targets, k1, k2)):
            model.zero_grad()
            way(model)
            for name, found in gradients(model).items():
                torch.testing.assert_close(found, expected[name], rtol=1e-9, atol=1e-13, msg=f"window {number} {name}")


@pytest.mark.parametrize("k2", [1, 4, 6, 50])
def test_a_task_read_at_its_end_learns_from_its_last_steps(k2: int) -> None:
    model = small_model(**Plain)
    way = Truncated(k1=1, k2=k2).start(SMALL, 3, 5)
    source = generator(5, "batches")
    for _ in range(3):
        batch = SMALL.batch(3, source).to(*CPU64)
        model.zero_grad()
        with torch.no_grad():
            state = model.unroll(batch.inputs[: max(0, 6 - k2)])[1] if k2 < 6 else None
        SMALL.loss(model.unroll(batch.inputs[max(0, 6 - k2) :], state)[0], batch).backward()
        expected = gradients(model)
        model.zero_grad()
        way(model)
        for name, found in gradients(model).items():
            torch.testing.assert_close(found, expected[name], rtol=1e-9, atol=1e-13, msg=name)


@pytest.mark.parametrize("task", [SMALL, EveryStep()], ids=["end", "every"])
@pytest.mark.parametrize("way", [Truncated(k1=11), Adaptive(longest=200, shortest=200)], ids=["truncated", "adaptive"])
def test_windows_as_long_as_the_sequences_are_full_backpropagation(task: Task, way: AnyBptt) -> None:
    trained = []
    for one in (Full(), way):
        net = small_model(task, layers=2, dropout=0.3)
        settings = TrainingSettings(steps=12, batch=4, bptt=one, evaluation_size=8)
        outcome = train(net, task, settings, seed=2)
        trained.append((weights(net), outcome.final_loss, outcome.final_score))
    assert trained[0] == trained[1]


def test_streams_carry_their_state_and_begin_anew_at_their_end() -> None:
    task = Stream(total=25)
    model = small_model(task, **Plain)
    way = Truncated(k1=10).start(task, 2, 0)
    losses = []
    with torch.no_grad():
        whole = task.stream(2, 0, 25).to(*CPU64)
        outputs = model(whole.inputs)
        expected = [float(task.loss(outputs[a:b], type(whole)(whole.inputs[a:b], whole.targets[a:b])))
                    for a, b in ((0, 10), (10, 20), (20, 25))]  # fmt: skip
    for _ in range(6):
        losses.append(float(way(model)))
        model.zero_grad()
    assert losses == pytest.approx(expected * 2, rel=1e-12)


WAYS = [
    Truncated(k1=4), Truncated(k1=2, k2=5), Randomised(length=4, exponent=3.0), Randomised(length=5, grain=3),
    Adaptive(longest=5, onset=1, every=2),
]  # fmt: skip


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("task", [SMALL, EveryStep(), Stream()], ids=["end", "every", "streams"])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_recorder_agrees_with_autograd_on_every_window(cell: str, task: Task, way: AnyBptt) -> None:
    """The closure check raises where the gradient rebuilt from the recorded steps is not autograd's."""
    nets = []
    for watched in (False, True):
        net = small_model(task, cell=cell, layers=2)
        settings = TrainingSettings(steps=9, batch=4, bptt=way, evaluation_size=8, evaluate_every=None)
        if watched:
            with watch(net, every=1, check_every=1, sequences="all") as recorder:
                train(net, task, settings, seed=2, recorder=recorder)
            errors = recorder.frame("parameters")["closure_error"].dropna()
            assert len(errors) >= 9 * 4 and errors.max() < 1e-4
            assert len(recorder.frame("timesteps"))
        else:
            train(net, task, settings, seed=2)
        nets.append(weights(net))
    assert nets[0] == nets[1]


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(ValueError, match="k2: expected at least k1 = 20, got 3"):
        Truncated(k2=3)
    with pytest.raises(ValueError, match="shortest: expected at most longest"):
        Adaptive(shortest=50, longest=10)
    with pytest.raises(ValueError, match="without it; give it that method, or train by full"):
        train(torch.nn.Linear(2, 1), EveryStep(), TrainingSettings(steps=1, bptt="truncated"), seed=0)
    for changes, told in (
        ({"measure": {"bias_every": 5}}, "got a CaptionModel without it; .* set measure.bias_every to null"),
        ({"stop": {"name": "reach"}}, "got a CaptionModel without it; .* or stop on the score"),
    ):
        net, rows = build(ModelSettings(hidden=4), Captions(), 0), Rows()
        with pytest.raises(ValueError, match=told):
            train(net, Captions(), TrainingSettings.model_validate(changes), seed=0, recorder=rows)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="streams of at least one step, got 0"):
        Truncated().start(Stream(total=0), 4, 0)
