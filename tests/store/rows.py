"""Rows for the tests of the store."""

import numpy as np


def steps(first, count=1, **others):
    """`count` rows of the table `steps` whose loss is their step."""
    step = np.arange(first, first + count)
    return {"step": step, "loss": step.astype(float), **others}


def timesteps(step, length=20):
    """One recorded pass of `length` time steps."""
    t = np.arange(length)
    zero = np.zeros(length, dtype=int)
    return {
        "step": np.full(length, step),
        "module": ["rnn"] * length,
        "call": zero,
        "layer": zero,
        "direction": zero,
        "t": t,
        "grad_h": 0.5**t + step,
    }
