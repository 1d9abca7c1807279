"""The list that feeds the contract suite of tasks: a further task is a line here."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.tasks import (
    Adding,
    Batch,
    Captions,
    Chaos,
    Characters,
    CopyMemory,
    DelayedRecall,
    Digits,
    FlipFlop,
    Forecast,
    Glimpses,
    InfluenceBalancing,
    Labelling,
    Parity,
    ReadAloud,
    Task,
    TemporalOrder,
    Video,
    VideoFrames,
)
from gradlab.tasks.chaos import EXAMPLES, persistence
from gradlab.tasks.copy_memory import BLANK
from gradlab.tasks.digit_images import digit_images
from gradlab.tasks.spelling import ANSWERS, END, LETTERS, START, WORDS
from tests.tasks.series import FILE


@dataclass(frozen=True)
class TaskCase:
    """A task, and what is needed to hold it against its own statements."""

    task: Task
    constant: Callable[[Batch], Tensor]
    """Outputs of the predictor that the task's `chance` speaks of."""
    perfect: Callable[[Batch], Tensor]
    """Outputs that should score 1."""
    test_size: int = 20_000
    """Held-out sequences on which chance is measured; for finite sets all of them."""
    finite: bool = False
    repeats: bool = False
    """Examples are places in a text, which may say the same in two places."""

    def __str__(self) -> str:
        changed = {"name": self.task.name, **self.task.model_dump(exclude_defaults=True, exclude={"path"})}
        return "-".join(str(value) for value in changed.values())


def _class_frequencies(batch: Batch) -> Tensor:
    counts = torch.bincount(digit_images("test").labels, minlength=10).double()
    return (counts / counts.sum()).log().expand(*batch.targets.shape, 10)


def _one_hot(batch: Batch) -> Tensor:
    return 100.0 * torch.nn.functional.one_hot(batch.targets, 10).double()


def _digits(**settings) -> TaskCase:
    return _images(Digits(**settings))


def _images(task: Task) -> TaskCase:
    return TaskCase(task, _class_frequencies, _one_hot, len(digit_images("test").labels), finite=True)


def _adding(centre: float, **settings) -> TaskCase:
    return TaskCase(
        Adding(**settings), lambda batch: torch.full_like(batch.targets, centre), lambda batch: batch.targets
    )


def _guessing(task: Task, size: int = 20_000) -> TaskCase:
    """All classes alike, and the right one for certain."""
    return TaskCase(
        task,
        lambda batch: torch.zeros(len(batch.targets), task.output_size),
        lambda batch: 100.0 * torch.nn.functional.one_hot(batch.targets, task.output_size).double(),
        size,
    )


def _blanks_then_guesses(batch: Batch) -> Tensor:
    outputs = torch.full((*batch.targets.shape, BLANK + 1), -100.0)
    outputs[:-10, :, BLANK] = 100.0
    outputs[-10:, :, :BLANK] = 0.0
    return outputs


def _one_hot_every(batch: Batch, classes: int) -> Tensor:
    return 100.0 * torch.nn.functional.one_hot(batch.targets, classes).double()


def _copy(delay: int) -> TaskCase:
    return TaskCase(CopyMemory(delay=delay), _blanks_then_guesses, lambda batch: _one_hot_every(batch, BLANK + 1), 2000)


def _chaos(**settings) -> TaskCase:
    task = Chaos(**settings)

    def line(batch: Batch) -> Tensor:
        return persistence(task).slope * batch.inputs + persistence(task).intercept

    return TaskCase(task, line, lambda batch: batch.targets, EXAMPLES["test"], finite=True)


def _flip_flop(**settings) -> TaskCase:
    return TaskCase(FlipFlop(**settings), lambda batch: batch.inputs, lambda batch: batch.targets, 4000)


def _characters(**settings) -> TaskCase:
    task = Characters(**settings)
    part = task.part("test")
    windows = (len(part) - 1) // task.steps
    frequencies = torch.bincount(part[1 : 1 + windows * task.steps], minlength=task.output_size).double()
    logits = (frequencies / frequencies.sum()).log().clamp_min(-200.0)
    return TaskCase(
        task,
        lambda batch: logits.expand(*batch.targets.shape, task.output_size),
        lambda batch: _one_hot_every(batch, task.output_size),
        windows,
        finite=True,
        repeats=True,
    )


def _blind(words: int, shares: list[float]) -> Callable[[Batch], Tensor]:
    """A speller who knows the shares of the words and reads what was said so far, but not what it is about."""

    def behind(said: str) -> Tensor:
        *before, begun = said.split(" ")
        weights = torch.zeros(ANSWERS, dtype=torch.float64)
        for word, share in zip(WORDS, shares, strict=True):
            if word == begun:
                weights[LETTERS.index(" ") if len(before) + 1 < words else END] += share
            elif word.startswith(begun):
                weights[LETTERS.index(word[len(begun)])] += share
        return (weights / weights.sum()).log().clamp_min(-300.0)

    def outputs(batch: Batch) -> Tensor:
        answers = torch.zeros(*batch.targets.shape, ANSWERS, dtype=torch.float64)
        for sequence, tokens in enumerate(batch.inputs.said.T.tolist()):
            said = ""
            for t, token in enumerate(tokens):
                if token == END:
                    break
                said += "" if token == START else LETTERS[token]
                answers[t, sequence] = behind(said)
        return answers

    return outputs


def _read_aloud(digits: int) -> TaskCase:
    answers = _blind(digits, [0.1] * 10)
    return TaskCase(ReadAloud(digits=digits), answers, lambda batch: _one_hot_every(batch, ANSWERS), 1000)


def _captions(**settings) -> TaskCase:
    labels = digit_images("test").labels
    shares = (torch.bincount(labels).double() / len(labels)).tolist()
    perfect = lambda batch: _one_hot_every(batch, ANSWERS)  # noqa: E731
    return TaskCase(Captions(**settings), _blind(1, shares), perfect, len(labels), finite=True)


def _forecast(**settings) -> TaskCase:
    task = Forecast(path=str(FILE), **settings)
    every = task.batch(10**4, torch.Generator(), "test").targets.transpose(0, 1).unique(dim=0)
    mean = every.double().mean(dim=(0, 1))
    return TaskCase(
        task, lambda batch: mean.expand(*batch.targets.shape), lambda batch: batch.targets, len(every), finite=True
    )


def _labelling(**settings) -> TaskCase:
    task = Labelling(path=str(FILE), label="phase", **settings)
    count = len(task.batch(10**4, torch.Generator(), "test").inputs.transpose(0, 1).unique(dim=0))
    labels = task.batch(count, torch.Generator(), "test").targets
    shares = torch.bincount(labels.flatten()).double() / labels.numel()
    return TaskCase(
        task,
        lambda batch: shares.log().expand(*batch.targets.shape, len(shares)),
        lambda batch: _one_hot_every(batch, len(shares)),
        count,
        finite=True,
    )


def _whole_series() -> list[TaskCase]:
    """Three series, each as one sequence of its own length."""
    forecast = Forecast(path=str(FILE), series="sensor", steps=None, ahead=2)
    labelling = Labelling(path=str(FILE), label="phase", series="sensor", steps=None)
    held_out = [task.batch(3, torch.Generator(), "test") for task in (forecast, labelling)]
    real = [batch.targets[batch.inputs.real()] for batch in held_out]
    mean, shares = real[0].double().mean(0), torch.bincount(real[1]).double() / len(real[1])
    return [
        TaskCase(forecast, lambda batch: mean.expand(*batch.targets.shape), lambda batch: batch.targets, 3, True),
        TaskCase(
            labelling,
            lambda batch: shares.log().expand(*batch.targets.shape, len(shares)),
            lambda batch: _one_hot_every(batch, len(shares)),
            3,
            True,
        ),
    ]


CASES = [
    _digits(),
    _digits(order="row", size=16),
    _digits(order="row", permuted=True),
    _digits(order="pixel"),
    _digits(order="pixel", size=16),
    _digits(order="pixel", permuted=True),
    _digits(order="pixel", size=16, permuted=True),
    _adding(1.0, steps=2),
    _adding(1.0, steps=101),
    _adding(0.5, form="hochreiter1997", steps=24),
    _adding(0.5, form="hochreiter1997", steps=101),
    _adding(0.5, form="hochreiter1997", steps=60, longer=0.1),
    _adding(1.0, steps=11, longer=1.0),
    _copy(1),
    _copy(100),
    _guessing(TemporalOrder(steps=10)),
    _guessing(TemporalOrder()),
    _guessing(DelayedRecall(delay=8, symbols=3)),
    _guessing(DelayedRecall()),
    TaskCase(InfluenceBalancing(steps=100, noise=0.1), lambda batch: batch.targets, lambda batch: batch.targets, 2000),
    _guessing(Parity(steps=12)),
    _guessing(Parity(steps=50)),
    _flip_flop(),
    _flip_flop(channels=1, pulses=0.3),
    _chaos(),
    _chaos(system="mackey_glass", steps=50, ahead=20),
    _characters(),
    _characters(steps=120, held_out=0.2),
    _images(Video()),
    _images(Video(size=20, frames=6, visible=6, noise=0.1)),
    TaskCase(VideoFrames(), _class_frequencies, _one_hot, 1000),
    TaskCase(VideoFrames(frames=9, shown=1, hidden=0), _class_frequencies, _one_hot, 1000),
    _images(Glimpses()),
    _images(Glimpses(size=16, window=5, steps=9, path="random")),
    _read_aloud(4),
    _read_aloud(5),
    _captions(),
    _captions(known=(9, 8, 7), fine_tune=True),
    _forecast(series="sensor"),
    _forecast(series="sensor", read=("level", "drift"), forecast=("level",), steps=9, ahead=4, held_out=0.5),
    _labelling(series="sensor", steps=20),
    *_whole_series(),
]
