"""A net through depth: every cell with a recurrent matrix, its parameters, its gradient, and who may ask for it."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from gradlab.models import ModelSettings, build
from gradlab.models.cells import RECURRENCE, equations, has_recurrent_matrix
from gradlab.models.stack import DeepModel
from gradlab.tasks import Adding, TemporalOrder
from tests.models.cases import Sizes

STACKED = [
    ModelSettings(cell="rnn", hidden=5, depth=4, nonlinearity="relu", initialiser="identity"),
    ModelSettings(cell="gru", hidden=5, depth=3, initialiser="chrono", embedding=2),
    ModelSettings(cell="lstm", hidden=5, depth=3, initialiser="orthogonal", forget_bias=1.0, precision="float64"),
    *(ModelSettings(cell=cell, hidden=6, depth=3) for cell in RECURRENCE if has_recurrent_matrix(cell)),
]  # fmt: skip
TASKS = [Sizes(), Sizes(inputs="tokens", input_size=7)]
each = pytest.mark.parametrize("settings", STACKED, ids=lambda one: f"{one.cell}-{one.initialiser.name}")


def inputs_for(task: Sizes, settings: ModelSettings) -> Tensor:
    inputs = task.batch(9, torch.Generator().manual_seed(0)).inputs
    return inputs.to(getattr(torch, settings.precision)) if task.inputs == "numbers" else inputs


@each
@pytest.mark.parametrize("task", TASKS, ids=str)
def test_it_answers_and_every_parameter_is_trained(settings: ModelSettings, task: Sizes) -> None:
    model = build(settings, task, 0)
    assert isinstance(model, DeepModel)
    assert settings.depth is not None and len(model.recurrent.blocks) == settings.depth
    outputs = model(inputs_for(task, settings))
    assert outputs.shape == (9, task.output_size) and outputs.dtype == getattr(torch, settings.precision)
    outputs.square().sum().backward()
    without = {name for name, parameter in model.named_parameters() if parameter.grad is None}
    assert not without
    again, other = build(settings, task, 0), build(settings, task, 1)
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), again.parameters(), strict=True))
    assert not torch.equal(model.readout.weight, other.readout.weight)


@each
def test_a_stack_of_equal_blocks_is_the_recurrence_without_input(settings: ModelSettings) -> None:
    """Through time with a weight matrix for inputs that are all zero: the same numbers, by another way."""
    model = build(settings, Sizes(), 0).double()
    blocks = model.recurrent.blocks
    for block in blocks:
        block.load_state_dict(blocks[0].state_dict())
    recurrence = equations(settings)
    weights = {name.removesuffix("_l0"): value for name, value in blocks[0].named_parameters()}
    width = settings.hidden
    for name, shape in recurrence.weight_shapes(3, width).items():
        weights.setdefault(name, torch.randn(shape, dtype=torch.float64))
    bottom = torch.randn(2, width, dtype=torch.float64)
    start = (bottom, *(torch.zeros_like(bottom) for _ in recurrence.state_names[1:]))
    through_time = recurrence.run(weights, torch.zeros(len(blocks), 2, 3, dtype=torch.float64), start)[0][-1]
    torch.testing.assert_close(model.recurrent(bottom), through_time, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"layers": 2}, "depth: expected null with 2 layers, got 4"),
        ({"cell": "mingru"}, "depth: expected null for the cell 'mingru', got 4"),
        ({"cell": "lru"}, "depth: expected null for the cell 'lru', got 4"),
        ({"cell": "rnn", "initialiser": "critical"}, "expected one that needs no inputs with a depth, got 'critical'"),
        ({"initialiser": {"name": "orthogonal", "layers": (4,)}}, "expected layers below 4"),
        ({"depth": 0}, "greater than 0"),
    ],
)
def test_mistakes_are_told(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModelSettings.model_validate({"depth": 4, **values})


def test_a_task_must_be_read_at_the_end_of_sequences_of_one_length() -> None:
    with pytest.raises(ValueError, match="read at the end of one sequence, got one that is read 'every'"):
        build(ModelSettings(depth=2), Sizes(reads="every"), 0)
    uneven = Adding(steps=8, longer=0.5)
    with pytest.raises(ValueError, match="expected sequences of one length"):
        build(ModelSettings(depth=2), uneven, 0)(uneven.batch(3, torch.Generator()).inputs)
    with pytest.raises(ValueError, match=r"expected 24 numbers a sequence, .* got 18"):
        build(ModelSettings(depth=2, embedding=2), TemporalOrder(steps=12), 0)(torch.zeros(9, 2, dtype=torch.long))
