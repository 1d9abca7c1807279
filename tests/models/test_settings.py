"""Which models a study file may ask for, and what it is told when it may not."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gradlab.models import ModelSettings, build
from gradlab.models.cells import CONSTANTS, RECURRENCE, CellName, constants, has_forget_gate, has_recurrent_matrix
from gradlab.recurrence import RECURRENCES
from tests.models.cases import MODELS, TASKS


def test_the_names_of_cells_and_their_table_agree() -> None:
    assert get_args(CellName) == tuple(RECURRENCE)
    assert {case.cell for case in MODELS} == set(RECURRENCE)
    assert {type(recurrence) for recurrence in RECURRENCES} == set(RECURRENCE.values())
    assert all(kind.name == cell for cell, kind in RECURRENCE.items())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cell": "lstm", "nonlinearity": "relu"}, "expected 'tanh' for the cell 'lstm', got 'relu'"),
        ({"cell": "gru", "forget_bias": 1.0}, "expected null for the cell 'gru', got 1.0"),
        ({"dropout": 0.5}, "expected 0 with a single layer, got 0.5"),
        ({"cell": "lsmt"}, "'rnn', 'lstm', 'gru', 'mgu'"),
        ({"cell": "gru", "step_size": 0.1}, "step_size: expected null for the cell 'gru', got 0.1"),
        ({"cell": "residual", "frequency": 0.1}, "frequency: expected null for the cell 'residual'"),
        ({"cell": "lru", "hidden": 7}, "hidden: expected an even number for the cell 'lru', got 7"),
        ({"cell": "mingru", "initialiser": "orthogonal"}, "expected 'default' for the cell 'mingru'"),
        ({"hidden": 0}, "greater than 0"),
        ({"initialiser": "orthogonol"}, "'critical', 'default', 'forget_bias', 'gaussian', 'identity', 'orthogonal'"),
        ({"forget_bias": float("nan")}, "finite"),
        ({"width": 3}, "Extra inputs"),
    ],
)
def test_mistakes_are_told(values: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModelSettings.model_validate(values)


def test_a_bare_name_and_its_settings_are_the_same() -> None:
    assert ModelSettings(initialiser="orthogonal") == ModelSettings(initialiser={"name": "orthogonal", "gain": 1.0})


@settings(deadline=None, max_examples=30)
@given(
    cell=st.sampled_from(sorted(RECURRENCE)),
    nonlinearity=st.sampled_from(["tanh", "relu"]),
    hidden=st.integers(1, 9),
    layers=st.integers(1, 3),
    dropout=st.sampled_from([0.0, 0.3]),
    embedding=st.none() | st.integers(1, 4),
    forget_bias=st.none() | st.floats(-5, 5),
    initialiser=st.sampled_from(["default", "orthogonal", "identity"]),
    step_size=st.none() | st.floats(0.01, 1),
)
def test_what_does_not_contradict_itself_can_be_built(
    cell: str,
    nonlinearity: str,
    hidden: int,
    layers: int,
    dropout: float,
    embedding: int | None,
    forget_bias: float | None,
    initialiser: str,
    step_size: float | None,
) -> None:
    contradictory = (
        (nonlinearity == "relu" and cell != "rnn")
        or (forget_bias is not None and not has_forget_gate(cell))
        or (initialiser != "default" and not has_recurrent_matrix(cell))
        or (cell == "lru" and hidden % 2 == 1)
        or (step_size is not None and "step_size" not in constants(cell))
        or (dropout > 0 and layers == 1)
    )
    values = {
        "cell": cell,
        "nonlinearity": nonlinearity,
        "hidden": hidden,
        "layers": layers,
        "dropout": dropout,
        "embedding": embedding,
        "forget_bias": forget_bias,
        "initialiser": initialiser,
        "step_size": step_size,
    }
    if contradictory:
        with pytest.raises(
            ValidationError, match=r"nonlinearity: |forget_bias: |dropout: |initialiser: |hidden: |step_size: "
        ):
            ModelSettings.model_validate(values)
        return
    chosen = ModelSettings.model_validate(values)
    for task in TASKS:
        assert build(chosen, task, 0).recurrent.hidden_size == hidden


def test_the_constants_of_a_cell_reach_its_recurrence() -> None:
    for cell, kind in RECURRENCE.items():
        given = {name: 0.123 for name in CONSTANTS if name in constants(cell) and name != "nonlinearity"}
        recurrent = build(ModelSettings(cell=cell, **given), TASKS[0], 0).recurrent
        if given:
            assert recurrent.recurrence == kind(**given)


def test_a_task_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="'last' or 'every' step, got 'first'"):
        build(ModelSettings(), type(TASKS[0])(reads="first"), 0)
    with pytest.raises(ValueError, match="'numbers' or 'tokens', got 'images'"):
        build(ModelSettings(), type(TASKS[0])(inputs="images"), 0)
