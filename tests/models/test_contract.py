"""What every model promises, for every kind of cell and of task."""

import math

import pytest
import torch
from torch import Tensor, nn

from gradlab.models import SequenceModel, build
from gradlab.models.cells import RECURRENCE, ReadBlocks, RecurrentLayer
from gradlab.models.settings import ModelSettings
from tests.models.cases import MODELS, TASKS, Sizes, name

pytestmark = [
    pytest.mark.parametrize("task", TASKS, ids=str),
    pytest.mark.parametrize("settings", MODELS, ids=name),
]

TIME, BATCH = 9, 6
TORCH = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def inputs_for(task: Sizes, settings: ModelSettings) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    if task.inputs == "tokens":
        return torch.randint(0, task.input_size, (TIME, BATCH), generator=generator)
    precision = getattr(torch, settings.precision)
    return torch.randn(TIME, BATCH, task.input_size, generator=generator, dtype=precision)


def weights(model: SequenceModel) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in model.state_dict().items()}


def test_shapes_and_precision(settings: ModelSettings, task: Sizes) -> None:
    outputs = build(settings, task, 0)(inputs_for(task, settings))
    expected = (BATCH, task.output_size) if task.reads == "last" else (TIME, BATCH, task.output_size)
    assert outputs.shape == expected
    assert outputs.dtype == getattr(torch, settings.precision)


def test_the_parts_have_their_names_and_the_recurrent_one_is_torchs(settings: ModelSettings, task: Sizes) -> None:
    model = build(settings, task, 0)
    assert [part for part, _ in model.named_children()] == ["encoder", "recurrent", "readout"]
    expected = TORCH.get(settings.cell, ReadBlocks if settings.cell == "lru" else RecurrentLayer)
    assert type(model.recurrent) is expected
    assert model.recurrent.hidden_size == settings.hidden
    assert model.training


def test_parameter_count(settings: ModelSettings, task: Sizes) -> None:
    hidden, width = settings.hidden, settings.embedding or task.input_size
    widths = [width] + [hidden] * (settings.layers - 1)
    recurrent = sum(
        math.prod(shape)
        for features in widths
        for shape in RECURRENCE[settings.cell]().weight_shapes(features, hidden).values()
    )
    if settings.cell == "lru":
        recurrent += sum(hidden * (hidden + 1 + features) for features in widths)
    readout = (hidden + 1) * task.output_size
    encoder = 0
    if settings.embedding:
        encoder = (task.input_size + (task.inputs == "numbers")) * settings.embedding
    model = build(settings, task, 0)
    assert sum(parameter.numel() for parameter in model.parameters()) == recurrent + readout + encoder


def test_weights_are_a_function_of_the_seed(settings: ModelSettings, task: Sizes) -> None:
    torch.manual_seed(1)
    first = weights(build(settings, task, 3))
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second, other = weights(build(settings, task, 3)), weights(build(settings, task, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["readout.weight"], other["readout.weight"])


def test_gradients_reach_every_parameter_and_the_first_step(settings: ModelSettings, task: Sizes) -> None:
    model = build(settings, task, 0).double()
    values = inputs_for(task, settings)
    if task.inputs == "numbers":
        values = values.double().requires_grad_()
    model(values).square().sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().sum() > 0, key
    if task.inputs == "numbers":
        assert values.grad is not None and (values.grad.abs().sum(dim=(1, 2)) > 0).all()


def test_two_halves_with_the_state_handed_on_are_the_whole(settings: ModelSettings, task: Sizes) -> None:
    model = build(settings, task, 0).double().eval()
    values = inputs_for(task, settings)
    values = values.double() if task.inputs == "numbers" else values
    whole = model(values)
    first, state = model.unroll(values[:4])
    second, _ = model.unroll(values[4:], state)
    joined = second if task.reads == "last" else torch.cat((first, second))
    torch.testing.assert_close(joined, whole, rtol=1e-12, atol=1e-12)


def test_settings_survive_a_study_file(settings: ModelSettings, task: Sizes) -> None:
    assert ModelSettings.model_validate_json(settings.model_dump_json()) == settings
