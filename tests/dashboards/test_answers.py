"""The sentences that the pages open with."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from dashboards.components.answers import clipping_answer, flow_answer, overview_answer, percent
from dashboards.components.figure import as_csv

NBSP = "\u00a0%"
"""A percent sign that stays with its number."""


def profile(**groups: list[float]) -> pd.DataFrame:
    rows = [
        {"group": name, "t": t, "median": value, "first_step": 7, "last_step": 7}
        for name, values in groups.items()
        for t, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("groups", "reaches", "sentence"),
    [
        (
            {"rnn": [1e-6, 1e-3, 1.0]}, {"rnn": 1.0},
            "At training step 7 the gradient reaches 1 step back before it falls below 1 % of its largest value.",
        ),
        (
            {"rnn": [1e-6, 1e-3, 1.0], "gru": [0.5, 0.7, 1.0], "lstm": [0.5, 0.7, 1.0]},
            {"rnn": 0.0, "gru": 2.0, "lstm": 2.0},
            "At training step 7 the gradient reaches all 2 steps back with gru / lstm and 0 steps with rnn before it "
            "falls below 1 % of its largest value.",
        ),
        (
            {"rnn": [1.0, 1.0, 1.0]}, {"rnn": 2.0},
            "At training step 7 the gradient reaches all 2 steps back, never falling below 1 % of its largest value.",
        ),
        (
            {"rnn": [1e6, 1e3, 1.0]}, {"rnn": 2.0},
            "At training step 7 the gradient reaches all 2 steps back, never falling below 1 % of its largest value; "
            "it grows on its way back in rnn (×1.0·10⁶).",
        ),
        (
            {"a": [np.nan, 1.0, 1.0], "b": [0.0, 0.0, 0.0]}, {"a": 2.0},
            "At training step 7 the gradient is exactly zero in b; it is not finite in a.",
        ),
    ],
)  # fmt: skip
def test_flow(groups: dict[str, list[float]], reaches: Mapping[str, float], sentence: str) -> None:
    assert flow_answer(profile(**groups), reaches) == sentence.replace(" %", NBSP)


def shares(**groups: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"group": name, "run": f"{name}{i}", "share": share, "clips": share >= 0, "largest_norm": 31.0}
            for name, values in groups.items()
            for i, share in enumerate(values)
        ]
    )


def test_clipping() -> None:
    assert clipping_answer(shares(rnn=[0.2, 0.3, 0.9])) == f"Clipping fired at 30{NBSP} of the training steps."
    assert clipping_answer(shares(rnn=[0.3], lstm=[0.004], gru=[-1.0])) == (
        f"Clipping fired at 30{NBSP} of the training steps with rnn and 0.4{NBSP} with lstm."
    )
    assert clipping_answer(shares(rnn=[-1.0])) == "Nothing was clipped: the largest gradient norm was 31."
    broken = shares(rnn=[0.3, 0.3]).assign(largest_norm=[np.inf, 1.0])
    assert clipping_answer(broken).endswith("; the norm became NaN or ∞ in 1 of 2 runs.")


@pytest.mark.parametrize(
    ("statuses", "expected", "studies", "sentence"),
    [
        (["finished"] * 3, 3, 1, "All 3 runs have finished."),
        (["finished"] * 3, 3, 2, "All 3 runs in 2 studies have finished."),
        (["finished", "running"], 4, 1, "1 of 4 runs have finished; 1 is running and 2 have not started."),
        (["failed"], 1, 1, "The one run failed."),
        (["running"], 1, 1, "The one run is running."),
        ([], 1, 1, "The one run has not started."),
        (["finished"], 1, 1, "The one run has finished."),
    ],
)
def test_overview(statuses: list[str], expected: int, studies: int, sentence: str) -> None:
    assert overview_answer(statuses, expected, studies) == sentence


def test_percent_never_rounds_something_to_nothing() -> None:
    given = [0.0, 0.0004, 0.004, 0.274, 0.9961, 1.0]
    assert [percent(share).replace(NBSP, " %") for share in given] == [
        "0 %",
        "under 0.1 %",
        "0.4 %",
        "27 %",
        "99.6 %",
        "100 %",
    ]


def test_csv_holds_no_formula() -> None:
    frame = pd.DataFrame({"=name": ["=1+1", "+2", "plain"], "number": [-1.5, np.nan, np.inf]})
    assert as_csv(frame).decode().splitlines() == ["'=name,number", "'=1+1,-1.5", "'+2,NaN", "plain,inf"]
