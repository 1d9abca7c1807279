"""A run is known by its settings, however they are written down."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.store import flatten, run_id

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
CONFIGS = st.dictionaries(st.text(max_size=4), VALUES, max_size=5)


def reordered(value):
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return tuple(reordered(item) for item in value) if isinstance(value, list) else value


@settings(deadline=None)
@given(CONFIGS)
def test_order_of_keys_and_kind_of_sequence_do_not_count(config):
    assert run_id(config) == run_id(reordered(config))


def test_the_id_is_stable():
    # A change here orphans every run that has been stored.
    assert run_id({"seed": 1, "model": {"cell": "lstm"}, "lr": 0.1, "clip": None}) == "19adef2b59a5"


def test_numbers_count_by_value_and_by_nothing_less():
    assert run_id({"a": 1}) == run_id({"a": 1.0}) == run_id({"a": np.float64(1)}) == run_id({"a": np.int64(1)})
    assert run_id({"a": 0.0}) == run_id({"a": -0.0})
    different = [1, True, "1", None, 1.0000000000000002, [1], {"b": 1}, math.nan, math.inf, -math.inf, 2**63, "nan"]
    assert len({run_id({"a": value}) for value in different}) == len(different)


def test_what_is_no_setting_is_refused_by_name():
    with pytest.raises(ValueError, match=r"model\.sizes\[1\]"):
        run_id({"model": {"sizes": [1, object()]}})


def test_flatten():
    assert flatten({"a": {"b": {"c": 1}, "d": [1, [2]]}, "e": None}) == {"a.b.c": 1, "a.d": (1, (2,)), "e": None}
    hash(flatten({"a": [{"b": [1]}]})["a"])
