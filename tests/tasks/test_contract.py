"""What every task promises, for every task."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from gradlab.models import ModelSettings, build
from gradlab.tasks import TASKS, AnyTask, Padded, Prompted
from tests.tasks.cases import CASES, TaskCase
from tests.tasks.sequences import equal, outputs_of, part, sequences

pytestmark = pytest.mark.parametrize("case", CASES, ids=str)

SIZE = 7
CHUNKS = 100


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_shapes(case: TaskCase) -> None:
    task = case.task
    for split in ("train", "test"):
        batch = task.batch(SIZE, generator(), split)
        inputs = batch.inputs
        if isinstance(inputs, Prompted):
            assert inputs.said.shape == batch.targets.shape and inputs.said.dtype == torch.int64
            assert inputs.given.shape[1] == SIZE and len(inputs.said) < task.length
            assert task.reads == "every"
            continue
        if isinstance(inputs, Padded):
            assert inputs.lengths.shape == (SIZE,) and len(inputs) == int(inputs.lengths.max()) <= task.length
            assert inputs.values.shape[1:] == (SIZE, task.input_size) and int(inputs.lengths.min()) > 0
            assert task.reads == "last" or batch.targets.shape[:2] == (len(inputs), SIZE)
            continue
        expected = (task.length, SIZE, task.input_size) if task.inputs == "numbers" else (task.length, SIZE)
        assert inputs.shape == expected
        assert inputs.dtype == (torch.float32 if task.inputs == "numbers" else torch.int64)
        assert batch.targets.shape[:2] == (task.length, SIZE) if task.reads == "every" else len(batch.targets) == SIZE
        if task.inputs == "tokens":
            assert int(inputs.min()) >= 0 and int(inputs.max()) < task.input_size


def test_a_batch_is_a_function_of_the_generators_state(case: TaskCase) -> None:
    for split in ("train", "test"):
        source, again = generator(3), generator(3)
        torch.manual_seed(1)
        first = [case.task.batch(SIZE, source, split) for _ in range(2)]
        torch.manual_seed(2)
        for batch in first:
            assert equal(batch, case.task.batch(SIZE, again, split))
        assert torch.equal(source.get_state(), again.get_state())
        assert not equal(*first)


def test_other_seeds_give_other_batches(case: TaskCase) -> None:
    assert not equal(*(case.task.batch(SIZE, generator(seed)) for seed in (0, 1)))


def test_batches_leave_torchs_own_generator_alone(case: TaskCase) -> None:
    before = torch.get_rng_state()
    case.task.batch(SIZE, generator())
    case.task.batch(SIZE, generator(), "test")
    assert torch.equal(before, torch.get_rng_state())


def test_splits_share_no_example(case: TaskCase) -> None:
    drawn: dict[str, set[bytes]] = {}
    for split in ("train", "test"):
        source = generator(5)
        batches = [case.task.batch(200, source, split) for _ in range(4)]
        drawn[split] = set().union(*(sequences(batch) for batch in batches))
    assert min(len(each) for each in drawn.values()) >= (min(case.test_size, 201) if case.finite else 201)
    shared = len(drawn["train"] & drawn["test"])
    assert shared <= (0.02 * len(drawn["test"]) if case.repeats else 0)


def test_chance_is_what_its_predictor_reaches(case: TaskCase) -> None:
    """Exactly on a finite set of test sequences, otherwise within four standard errors."""
    task, chance = case.task, case.task.chance
    batch = task.batch(case.test_size, generator(11), "test")
    outputs = case.constant(batch)
    loss, score = float(task.loss(outputs, batch)), task.score(outputs, batch)
    tolerance = (1e-6, 1e-6)
    if not case.finite:
        bounds = np.linspace(0, case.test_size, CHUNKS + 1).astype(int)
        chunks = [part(task, batch, outputs, slice(*pair)) for pair in pairwise(bounds)]
        measured = np.array([(float(task.loss(*chunk)), task.score(*chunk)) for chunk in chunks])
        tolerance = 4 * measured.std(axis=0, ddof=1) / math.sqrt(CHUNKS) + (1e-6, 1 / case.test_size)
    assert loss == pytest.approx(chance.loss, abs=tolerance[0])
    assert score == pytest.approx(chance.score, abs=tolerance[1])


def test_no_constant_added_to_the_chance_predictor_improves_it(case: TaskCase) -> None:
    batch = case.task.batch(case.test_size, generator(11), "test")
    outputs = case.constant(batch)
    loss = float(case.task.loss(outputs, batch))
    for output in range(min(case.task.output_size, 4)):
        for shift in (-0.5, 0.5):
            shifted = outputs.clone()
            shifted[..., output] += shift
            assert float(case.task.loss(shifted, batch)) > loss - 1e-6


def test_perfect_outputs_have_the_best_score_and_lose_less_than_chance(case: TaskCase) -> None:
    batch = case.task.batch(SIZE, generator(), "test")
    outputs = case.perfect(batch)
    best = 1.0 if case.task.higher_is_better else 0.0
    assert case.task.score(outputs, batch) == pytest.approx(best, abs=1e-6)
    assert float(case.task.loss(outputs, batch)) < 1e-6
    assert (case.task.chance.score < best) is case.task.higher_is_better


def test_not_a_number_is_never_right(case: TaskCase) -> None:
    batch = case.task.batch(SIZE, generator(), "test")
    score = case.task.score(torch.full_like(case.perfect(batch), math.nan), batch)
    assert score == 0.0 if case.task.higher_is_better else math.isnan(score)


def test_the_loss_is_a_differentiable_scalar(case: TaskCase) -> None:
    batch = case.task.batch(SIZE, generator())
    outputs = outputs_of(case.task, batch).requires_grad_()
    loss = case.task.loss(outputs, batch)
    loss.backward()
    assert loss.shape == ()
    assert outputs.grad is not None and outputs.grad.abs().sum() > 0


def test_the_loss_is_a_mean_over_sequences(case: TaskCase) -> None:
    batch = case.task.batch(2 * SIZE, generator())
    zeros = outputs_of(case.task, batch)
    outputs = torch.randn(zeros.shape, generator=generator(9))
    halves = [part(case.task, batch, outputs, chosen) for chosen in (slice(SIZE), slice(SIZE, None))]
    weights = [1, 1]
    if isinstance(batch.inputs, Padded) and case.task.reads == "every":  # longer sequences have more to say
        weights = [int(half.inputs.lengths.sum()) for _, half in halves]
    losses = [weight * float(case.task.loss(*half)) for weight, half in zip(weights, halves, strict=True)]
    assert float(case.task.loss(outputs, batch)) == pytest.approx(sum(losses) / sum(weights), rel=1e-5)


def test_the_net_that_the_task_asks_for_answers_what_it_scores(case: TaskCase) -> None:
    settings = ModelSettings(cell="rnn", hidden=4)
    model = build(settings, case.task, 0)
    batch = case.task.batch(SIZE, generator())
    outputs = model(batch.to(torch.device("cpu"), torch.float32).inputs)
    assert outputs.shape == outputs_of(case.task, batch).shape
    loss = case.task.loss(outputs, batch)
    loss.backward()
    assert loss.isfinite()
    assert case.task.score(outputs, batch) >= 0


def test_demanded_lag_lies_within_the_sequence(case: TaskCase) -> None:
    assert 0 <= case.task.demanded_lag < case.task.length


def test_settings_survive_a_study_file(case: TaskCase) -> None:
    again = TypeAdapter(AnyTask).validate_json(case.task.model_dump_json())
    assert again == case.task and hash(again) == hash(case.task)
    assert type(case.task) in TASKS
    with pytest.raises(ValidationError, match="typo"):
        TypeAdapter(AnyTask).validate_python({**case.task.model_dump(), "typo": 1})


def test_facts_for_the_store_are_plain_values(case: TaskCase) -> None:
    facts = case.task.describe()
    assert facts["task_length"] == case.task.length
    assert all(isinstance(value, str | int | float) for value in facts.values())
