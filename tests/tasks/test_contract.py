"""What every task promises, for every task."""

import math

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from gradlab.tasks import TASKS, AnyTask, Batch
from tests.tasks.cases import CASES, TaskCase

pytestmark = pytest.mark.parametrize("case", CASES, ids=str)

SIZE = 7


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sequences(batch: Batch) -> set[bytes]:
    return {sequence.numpy().tobytes() for sequence in batch.inputs.transpose(0, 1).contiguous()}


def test_shapes(case: TaskCase) -> None:
    task = case.task
    for split in ("train", "test"):
        batch = task.batch(SIZE, generator(), split)
        expected = (task.length, SIZE, task.input_size) if task.inputs == "numbers" else (task.length, SIZE)
        assert batch.inputs.shape == expected
        assert batch.inputs.dtype == (torch.float32 if task.inputs == "numbers" else torch.int64)
        assert batch.targets.shape[:1] == ((SIZE,) if task.reads == "last" else (task.length,))


def test_a_batch_is_a_function_of_the_generators_state(case: TaskCase) -> None:
    for split in ("train", "test"):
        source, again = generator(3), generator(3)
        torch.manual_seed(1)
        first = [case.task.batch(SIZE, source, split) for _ in range(2)]
        torch.manual_seed(2)
        for batch in first:
            other = case.task.batch(SIZE, again, split)
            assert torch.equal(batch.inputs, other.inputs) and torch.equal(batch.targets, other.targets)
        assert torch.equal(source.get_state(), again.get_state())
        assert not torch.equal(first[0].inputs, first[1].inputs)


def test_other_seeds_give_other_batches(case: TaskCase) -> None:
    first, second = (case.task.batch(SIZE, generator(seed)) for seed in (0, 1))
    assert not torch.equal(first.inputs, second.inputs)


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
    assert min(len(each) for each in drawn.values()) > 200
    assert not drawn["train"] & drawn["test"]


def test_chance_is_what_the_constant_predictor_reaches(case: TaskCase) -> None:
    chance = case.task.chance
    batch = case.task.batch(case.test_size, generator(11), "test")
    outputs = case.constant(batch)
    loss, score = float(case.task.loss(outputs, batch)), case.task.score(outputs, batch)
    if case.finite:
        assert loss == pytest.approx(chance.loss, abs=1e-6)
        assert score == pytest.approx(chance.score, abs=1e-6)
        return
    errors = (outputs - batch.targets).double().square()
    standard_error = float(errors.std()) / math.sqrt(case.test_size)
    assert abs(loss - chance.loss) < 4 * standard_error
    assert abs(score - chance.score) < 4 * math.sqrt(chance.score * (1 - chance.score) / case.test_size)
    for shift in (-0.1, 0.1):
        assert float(case.task.loss(outputs + shift, batch)) > loss


def test_perfect_outputs_score_one_and_lose_less_than_chance(case: TaskCase) -> None:
    batch = case.task.batch(SIZE, generator(), "test")
    outputs = case.perfect(batch)
    assert case.task.score(outputs, batch) == 1.0
    assert float(case.task.loss(outputs, batch)) < 1e-6


def test_not_a_number_is_never_right(case: TaskCase) -> None:
    batch = case.task.batch(SIZE, generator(), "test")
    assert case.task.score(torch.full_like(case.perfect(batch), math.nan), batch) == 0.0


def test_the_loss_is_a_differentiable_scalar(case: TaskCase) -> None:
    batch = case.task.batch(SIZE, generator())
    outputs = torch.zeros(SIZE, case.task.output_size).requires_grad_()
    loss = case.task.loss(outputs, batch)
    loss.backward()
    assert loss.shape == ()
    assert outputs.grad is not None and outputs.grad.abs().sum() > 0


def test_the_loss_is_a_mean_over_sequences(case: TaskCase) -> None:
    batch = case.task.batch(2 * SIZE, generator())
    outputs = torch.randn(2 * SIZE, case.task.output_size, generator=generator(9))
    halves = [
        case.task.loss(outputs[part], Batch(batch.inputs[:, part], batch.targets[part]))
        for part in (slice(SIZE), slice(SIZE, None))
    ]
    assert float(case.task.loss(outputs, batch)) == pytest.approx(float(sum(halves)) / 2, rel=1e-5)


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
