"""Time constants of gates, by hand and against what initialisations give."""

import math

import numpy as np
import pytest

from gradlab.dynamics import (
    bias_for_memory,
    chrono_memory_quantile,
    measured_memory,
    memory_of_bias,
    memory_of_gate,
)


def test_memory_of_forget_biases() -> None:
    np.testing.assert_allclose(memory_of_bias([0, 1, 3, 5]), [1.4, 3.2, 20.6, 148.9], atol=0.06)
    np.testing.assert_allclose(bias_for_memory(memory_of_bias([-2.0, 0.0, 3.0])), [-2, 0, 3], atol=1e-12)
    assert memory_of_bias(40.0) == pytest.approx(math.exp(40), rel=1e-6), "no cancellation where σ(b) rounds to 1"
    with pytest.raises(ValueError, match="above 0 steps"):
        bias_for_memory([0.0])


def test_memory_of_gates() -> None:
    np.testing.assert_allclose(memory_of_gate([0.0, math.exp(-0.1), 1.0]), [0, 10, math.inf])
    with pytest.raises(ValueError, match="between 0 and 1"):
        memory_of_gate([1.2])
    gates = np.exp(-np.array([[0.1, 0.0], [0.3, 0.0]]))
    np.testing.assert_allclose(measured_memory(gates), [5, math.inf])
    assert measured_memory([0.5, 0.0]) == 0


def test_chrono_initialisation() -> None:
    longest = 200.0
    biases = np.log(np.random.default_rng(0).uniform(1, longest - 1, 100_000))
    for share in (0.1, 0.5, 0.9):
        # A quantile of n draws scatters by √(p(1 − p)/n) over the density, here 1/198 a step.
        scatter = math.sqrt(share * (1 - share) / 1e5) * (longest - 2)
        measured = np.quantile(memory_of_bias(biases), share)
        assert chrono_memory_quantile(share, longest) == pytest.approx(measured, abs=5 * scatter)
    with pytest.raises(ValueError, match="above 2"):
        chrono_memory_quantile(0.5, 2.0)
