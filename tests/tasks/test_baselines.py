"""The published baselines, as numbers that stand in papers or follow from them, and predictors that hit them.

To four digits, for every task. Those whose sequences are random are drawn until their sampling error is smaller.
"""

import math

import pytest
import torch
from _pytest.mark import ParameterSet

from gradlab.tasks import (
    TASKS,
    Adding,
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
from tests.tasks.cases import CASES

DIGITS = 2.3024
"""Entropy in nats of the classes among the 355 test images: 35, 36, 35, 36, 36, 36, 36, 35, 34 and 36 of 355."""

PUBLISHED: list[tuple[Task, float]] = [
    (Adding(steps=2), 0.1667),  # variance of a sum of two U[0, 1]: 1/6
    (Adding(form="hochreiter1997", steps=24), 0.0417),  # 1/24
    (CopyMemory(delay=100), 0.1733),  # 10 ln 8/120
    (CopyMemory(delay=500), 0.0400),
    (TemporalOrder(), 1.3863),  # ln 4
    (DelayedRecall(), 2.0794),  # ln 8
    (Parity(), 0.6931),  # ln 2
    (FlipFlop(steps=100, pulses=0.05), 0.9405),  # 0.95 · 99/100
    (InfluenceBalancing(), 0.0),  # the answer is always the same
    (ReadAloud(), 2.3026),  # ln 10 a digit
    (Digits(), DIGITS),
    (Digits(order="pixel", permuted=True), DIGITS),
    (Glimpses(), DIGITS),
    (Video(), DIGITS),
    (VideoFrames(), DIGITS),
    (Captions(), DIGITS),  # the name is all that a blind speller does not know
]
DRAWS = {
    "adding-le2015": (16, 2_000_000),
    "adding-hochreiter1997": (12, 200_000),
    "flip_flop": (6, 20_000),
    "video_frames": (40, 355),
}
"""Batches and their size, where sampling matters: a standard error below 4e−5."""
OF_THEIR_DATA = {Chaos, Characters, Forecast, Labelling}
"""Tasks whose baseline is a property of their data: the contract suite holds it to all of them, to six digits."""


def test_every_task_has_its_baseline_here_or_in_its_data() -> None:
    assert {type(task) for task, _ in PUBLISHED} | OF_THEIR_DATA == set(TASKS)
    assert all(case.finite for case in CASES if type(case.task) in OF_THEIR_DATA)


@pytest.mark.parametrize(("task", "published"), PUBLISHED, ids=lambda value: getattr(value, "name", value))
def test_the_baseline_is_the_published_one(task: Task, published: float) -> None:
    assert task.chance.loss == pytest.approx(published, abs=5e-5)


def _marked() -> list[ParameterSet]:
    return [
        pytest.param(task, published, id=f"{_key(task)}-{published}", marks=[pytest.mark.slow] * (_key(task) in DRAWS))
        for task, published in PUBLISHED
    ]


def _key(task: Task) -> str:
    return f"adding-{task.form}" if isinstance(task, Adding) else task.name


@pytest.mark.parametrize(("task", "published"), _marked())
def test_its_predictor_hits_it_to_four_digits(task: Task, published: float) -> None:
    case = next(case for case in CASES if _key(case.task) == _key(task) and case.task.output_size == task.output_size)
    draws, size = DRAWS.get(_key(task), (1, case.test_size))
    generator = torch.Generator().manual_seed(4)
    losses = []
    for _ in range(draws):
        batch = task.batch(size, generator, "test")
        losses.append(float(task.loss(case.constant(batch), batch)))
    assert math.fsum(losses) / draws == pytest.approx(published, abs=1e-4)
