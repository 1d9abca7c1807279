"""Which models a study file may ask for, and what it is told when it may not."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gradlab.models import CELLS, ModelSettings, build
from gradlab.models.cells import CellName
from tests.models.cases import MODELS, TASKS


def test_the_names_of_cells_and_their_table_agree() -> None:
    assert get_args(CellName) == tuple(CELLS)
    assert {case.cell for case in MODELS} == set(CELLS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cell": "lstm", "nonlinearity": "relu"}, "expected 'tanh' for the cell 'lstm', got 'relu'"),
        ({"cell": "gru", "forget_bias": 1.0}, "expected null for the cell 'gru', got 1.0"),
        ({"dropout": 0.5}, "expected 0 with a single layer, got 0.5"),
        ({"cell": "lsmt"}, "'rnn', 'lstm' or 'gru'"),
        ({"hidden": 0}, "greater than 0"),
        ({"initialiser": "orthogonol"}, "'default', 'identity', 'orthogonal'"),
        ({"forget_bias": float("nan")}, "finite"),
        ({"width": 3}, "Extra inputs"),
    ],
)
def test_mistakes_are_told(values: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModelSettings.model_validate(values)


def test_a_bare_name_and_its_settings_are_the_same() -> None:
    assert ModelSettings(initialiser="orthogonal") == ModelSettings(
        initialiser={"name": "orthogonal", "gain": 1.0}
    )


@settings(deadline=None, max_examples=30)
@given(
    cell=st.sampled_from(sorted(CELLS)),
    nonlinearity=st.sampled_from(["tanh", "relu"]),
    hidden=st.integers(1, 9),
    layers=st.integers(1, 3),
    dropout=st.sampled_from([0.0, 0.3]),
    embedding=st.none() | st.integers(1, 4),
    forget_bias=st.none() | st.floats(-5, 5),
    initialiser=st.sampled_from(["default", "orthogonal", "identity"]),
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
) -> None:
    contradictory = (
        (nonlinearity == "relu" and cell != "rnn")
        or (forget_bias is not None and cell != "lstm")
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
    }
    if contradictory:
        with pytest.raises(ValidationError, match=r"nonlinearity: |forget_bias: |dropout: "):
            ModelSettings.model_validate(values)
        return
    chosen = ModelSettings.model_validate(values)
    for task in TASKS:
        assert build(chosen, task, 0).recurrent.hidden_size == hidden


def test_a_task_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="'last' or 'every' step, got 'first'"):
        build(ModelSettings(), type(TASKS[0])(reads="first"), 0)
    with pytest.raises(ValueError, match="'numbers' or 'tokens', got 'images'"):
        build(ModelSettings(), type(TASKS[0])(inputs="images"), 0)
