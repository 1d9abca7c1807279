"""Each initialiser by what it says of its weights."""

import math

import pytest
import torch
from torch import Tensor

from gradlab.models import ModelSettings, build
from gradlab.models.initialisers import INITIALISERS
from tests.models.cases import Sizes

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
STATED = ("default", "identity", "orthogonal")


def recurrent_weights(hidden: int = 16, **values: object) -> dict[str, Tensor]:
    model = build(ModelSettings.model_validate({"hidden": hidden, "layers": 2, **values}), Sizes(), 5)
    return {key: value.detach().double() for key, value in model.recurrent.named_parameters()}


def test_every_initialiser_is_tested_here() -> None:
    assert tuple(cls.model_fields["name"].default for cls in INITIALISERS) == STATED


@pytest.mark.parametrize("cell", GATES)
def test_default_is_torchs_uniform_distribution(cell: str) -> None:
    for weight in recurrent_weights(hidden=64, cell=cell).values():
        assert float(weight.abs().max()) <= 1 / 8
        if weight.ndim == 2 and weight.shape[1] == 64:
            assert float(weight.std()) == pytest.approx(1 / 8 / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize("cell", GATES)
def test_orthogonal_blocks_have_one_singular_value(cell: str) -> None:
    weights = recurrent_weights(cell=cell, initialiser={"name": "orthogonal", "gain": 1.3})
    untouched = recurrent_weights(cell=cell)
    for key, weight in weights.items():
        if key.startswith("weight_hh"):
            blocks = weight.split(16)
            assert len(blocks) == GATES[cell]
            for block in blocks:
                assert torch.linalg.svdvals(block).numpy() == pytest.approx(1.3, rel=1e-5)
            if len(blocks) > 1:
                assert not torch.equal(blocks[0], blocks[1])
        else:
            assert torch.equal(weight, untouched[key])


@pytest.mark.parametrize("cell", GATES)
def test_identity_keeps_and_its_inputs_are_small(cell: str) -> None:
    weights = recurrent_weights(hidden=64, cell=cell, initialiser={"name": "identity", "scale": 0.5})
    for key, weight in weights.items():
        if key.startswith("weight_hh"):
            assert all(torch.equal(block, 0.5 * torch.eye(64).double()) for block in weight.split(64))
        elif key.startswith("bias"):
            assert not weight.any()
        else:
            assert float(weight.std()) == pytest.approx(0.001, rel=0.15)


@pytest.mark.parametrize("initialiser", STATED)
def test_forget_bias_counts_as_the_sum_of_torchs_two(initialiser: str) -> None:
    weights = recurrent_weights(cell="lstm", forget_bias=1.5, initialiser=initialiser)
    without = recurrent_weights(cell="lstm", initialiser=initialiser)
    for layer in range(2):
        total = weights[f"bias_ih_l{layer}"] + weights[f"bias_hh_l{layer}"]
        assert total[16:32].numpy() == pytest.approx(1.5)
        for side in ("ih", "hh"):
            key = f"bias_{side}_l{layer}"
            assert torch.equal(weights[key][:16], without[key][:16])
            assert torch.equal(weights[key][32:], without[key][32:])


def test_an_irnn_keeps_its_state_without_input() -> None:
    settings = ModelSettings(cell="rnn", nonlinearity="relu", hidden=8, initialiser="identity")
    recurrent = build(settings, Sizes(), 0).recurrent
    state = torch.rand(1, 2, 8)
    outputs, last = recurrent(torch.zeros(50, 2, 3), state)
    assert torch.equal(outputs[-1], state[0]) and torch.equal(last, state)
