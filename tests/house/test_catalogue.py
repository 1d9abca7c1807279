"""The catalogue of quantities is fit to make schemas, axis labels and explanations from."""

import re

import pytest

from gradlab.quantities import AXES, TABLES

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
COLUMNS = [(table.name, quantity) for table in TABLES.values() for quantity in table.quantities]


def is_sentence(meaning: str) -> bool:
    return len(meaning.split()) >= 2 and meaning[0].isupper() and meaning.endswith(".")


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_table(table):
    assert NAME.fullmatch(table.name) and is_sentence(table.meaning)
    assert set(table.axes) <= set(AXES), f"{table.name}: an axis that is not in AXES"
    assert len(set(table.columns)) == len(table.columns), f"{table.name}: a column twice"
    assert table.quantities


@pytest.mark.parametrize("table, quantity", COLUMNS, ids=[f"{table}.{one.name}" for table, one in COLUMNS])
def test_quantity(table, quantity):
    assert NAME.fullmatch(quantity.name), "expected lower case words with underscores"
    assert quantity.name not in AXES, "a quantity with the name of an axis"
    assert is_sentence(quantity.meaning) or quantity.name == "status", quantity.meaning
    assert quantity.symbol.strip() and quantity.symbol in quantity.label
    assert not (quantity.log and quantity.kind in ("flag", "text")), "text on a logarithmic axis"
    assert TABLES[table][quantity.name] is quantity


@pytest.mark.parametrize("axis", AXES.values(), ids=lambda axis: axis.name)
def test_axis(axis):
    assert AXES[axis.name] is axis
    assert NAME.fullmatch(axis.name) and axis.label and axis.meaning.endswith(".")
    assert axis.name == "run" or any(axis.name in table.axes for table in TABLES.values()), "used by no table"


def test_a_quantity_that_is_not_there_is_named():
    with pytest.raises(KeyError, match=r"steps.*los.*it has loss"):
        TABLES["steps"]["los"]
