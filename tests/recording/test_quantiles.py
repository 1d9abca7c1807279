"""Quantiles over sequences against numpy, and what NaN, infinity and padding do."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gradlab.recording.quantiles import over_sequences

FINITE = st.floats(0, 1e30, allow_nan=False)


@given(arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 9)), elements=FINITE), st.floats(0, 1))
def test_finite_rows_equal_numpy(values, level):
    real = np.ones(values.shape, bool)
    np.testing.assert_allclose(over_sequences(values, real, level), np.quantile(values, level, axis=1), rtol=1e-12)


def test_padding_does_not_count():
    values = np.array([[1.0, 2.0, 99.0], [5.0, np.nan, np.inf]])
    real = np.array([[True, True, False], [True, False, False]])
    assert over_sequences(values, real, 0.5).tolist() == [1.5, 5.0]


def test_nan_is_larger_than_everything_and_stays_nan():
    values = np.array([[1.0, np.nan, 2.0], [np.nan, np.nan, 1.0]])
    real = np.ones((2, 3), bool)
    assert over_sequences(values, real, 0.5)[0] == 2.0
    assert np.isnan(over_sequences(values, real, 0.5)[1])


def test_infinities_stay_infinite():
    values = np.array([[-np.inf, -np.inf, 0.0], [1.0, np.inf, np.inf]])
    real = np.ones((2, 3), bool)
    assert over_sequences(values, real, 0.5).tolist() == [-np.inf, np.inf]


def test_between_minus_infinity_and_a_number_is_minus_infinity():
    values = np.array([[-np.inf, 0.0], [-np.inf, np.inf], [3.0, -np.inf]])
    assert over_sequences(values, np.ones((3, 2), bool), 0.5).tolist() == [-np.inf] * 3


def test_a_row_without_sequences_is_nan():
    assert np.isnan(over_sequences(np.zeros((1, 2)), np.zeros((1, 2), bool), 0.5)[0])
