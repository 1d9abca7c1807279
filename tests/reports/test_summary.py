"""The sentences say what the data say."""

import math

import numpy as np
import pytest

from gradlab.errors import StoreError
from gradlab.reports import summary
from gradlab.reports.spread import spread
from gradlab.store import Store


def test_a_whole_study(filled):
    sentences = summary(filled, "reach")
    assert sentences[0] == "12 runs: 11 finished, 1 not started."
    text = "\n".join(sentences)
    for expected in (
        "Cell rnn, clipping none: the gradient reaches 6 (in each of 3 runs) of 39 steps back at the start of "
        "training and 6 (in each of 3 runs) at the end; the task demands 39.",
        "Cell lstm, clipping norm, max norm 1: the gradient reaches 39 (in each of 2 runs) of 39 steps back",
        "farthest in cell lstm, clipping none (39 steps), and least far in cell rnn, clipping none (6).",
        "Cell rnn, clipping norm, max norm 1: clipping fired at 33.3 % (in each of 3 runs) of the training steps; "
        "where it fired, it scaled the gradient by 0.5 (median).",
        "Cell rnn, clipping none: final accuracy 0.6 (median of 3 runs, 0.5 to 0.7); chance is 0.1.",
        "Cell rnn, clipping none: something became NaN or infinite in 1 of 3 runs; the first at training step 21: "
        "gradient of W_hh.",
        "at most 3.2e-07, in run",
    ):
        assert expected in text
    assert "clipping none: clipping" not in text


def test_one_run_with_nothing_but_a_loss(tmp_path):
    store = Store(tmp_path)
    with store.writer("mine") as writer:
        writer.write("steps", {"step": [0], "loss": [1.0]})
        writer.annotate(final_loss=math.inf)
    assert summary(store, "") == ["1 run: 1 finished.", "All runs: final loss inf."]


def test_an_empty_study(tmp_path):
    store = Store(tmp_path)
    store.write_study("s", expected=["a"])
    assert summary(store, "s") == ["No run has been recorded yet."]
    with pytest.raises(StoreError):
        summary(store, "t")


def test_layers_and_directions_are_told_apart(tmp_path):
    store = Store(tmp_path)
    t = np.arange(10)
    with store.writer("r") as writer:
        for layer in (0, 1):
            for direction in (0, 1):
                back = t if direction else t[::-1]
                writer.write(
                    "timesteps",
                    {
                        "step": t * 0, "module": ["rnn"] * 10, "call": t * 0, "layer": t * 0 + layer,
                        "direction": t * 0 + direction, "t": t, "grad_h": (0.5 if layer else 0.1) ** back,
                    },
                )  # fmt: skip
    text = "\n".join(summary(store, ""))
    for name, steps in (("layer 0 forward", 2), ("layer 0 backward", 2), ("layer 1 backward", 6)):
        assert f"in {name} the gradient reaches {steps} of 9 steps back" in text


def test_a_gradient_that_exploded_everywhere(tmp_path):
    store = Store(tmp_path)
    t = np.arange(5)
    with store.writer("r") as writer:
        axes = {"step": t * 0, "module": ["rnn"] * 5, "call": t * 0, "layer": t * 0, "direction": t * 0, "t": t}
        writer.write("timesteps", {**axes, "grad_h": [math.nan] * 5, "nonfinite": [1.0] * 5})
        writer.write("parameters", {"step": [3], "parameter": ["w"], "closure_error": [math.nan]})
    text = "\n".join(summary(store, ""))
    assert "reaches 4 of 4 steps back" in text and "at most nan, in run r, w, at training step 3" in text


@pytest.mark.parametrize(
    "values, expected",
    [
        ([], ""),
        ([1.0], "1"),
        ([math.nan], "not a number"),
        ([1.0, 3.0], "2 (median of 2 runs, 1 to 3)"),
        ([2.0, 2.0, math.nan], "2 (in each of 2 runs, not a number in 1)"),
        ([1.0, math.nan], "1 (not a number in 1)"),
        ([1.0, math.inf, math.inf], "inf (median of 3 runs, 1 to inf)"),
    ],
)
def test_spread(values, expected):
    assert spread(values, lambda value: f"{value:g}") == expected
