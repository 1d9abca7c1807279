"""The sentences that the pages open with."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashboards.components.answers import (
    clipping_answer,
    finding_answer,
    flow_answer,
    overview_answer,
    percent,
    run_answer,
    runs_answer,
    spectra_answer,
    vanishing_answer,
)
from dashboards.components.answers.wording import names_of, reaching
from dashboards.components.files import as_csv
from gradlab.diagnosis import diagnose
from gradlab.store import Store
from tests.diagnosis.synthetic import steps, well

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
    assert clipping_answer(shares(rnn=[0.9, 0.9], lstm=[0.5])).endswith(
        f"and 50{NBSP} with lstm, which cuts most of them and not only spikes."
    )
    rare = f"Clipping fired at 5{NBSP} of the training steps, which leaves all but rare spikes alone."
    assert clipping_answer(shares(rnn=[0.05])) == rare
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


def test_groups_are_named_by_what_they_share() -> None:
    groups = [f"{cell} · {clip}" for cell in ("rnn", "lstm", "gru") for clip in ("no clip", "norm")]
    assert names_of(groups[:2], groups) == "rnn"
    assert names_of(groups[::2], groups) == "no clip"
    assert names_of([groups[0], groups[2]], groups) == "rnn · no clip / lstm · no clip", "the gru is not clipped either"
    assert names_of(groups, groups) == "all 6 groups"
    assert names_of(groups[1:], groups) == "all but rnn · no clip"
    assert names_of([*groups[:3], groups[5]], groups) == "all but lstm · norm / gru · no clip"
    assert names_of(groups[2:], groups) == "all but rnn"
    assert names_of(groups[:4], [*groups, "x"]) == "rnn · no clip / 3 other groups"
    assert names_of(groups[:1], groups) == "rnn · no clip"


def test_of_many_reaches_both_ends_are_said() -> None:
    assert reaching({name: far for far, name in enumerate("abcdef")}, 9, until=False) == (
        "the gradient reaches from 5 steps back with f down to 0 steps with a"
    )


def test_single_runs() -> None:
    ends = {"a": 0.25, "b": 0.125, "c": float("nan")}
    assert runs_answer(ends, "loss", higher=False) == "b ends with the best loss, 0.125, and a with the worst, 0.25."
    assert runs_answer(ends, "score", higher=True) == "a ends with the best score, 0.25, and b with the worst, 0.125."
    assert runs_answer({"a": 0.5, "b": 0.5}, "loss", higher=False) == "All 2 runs end with the same loss: 0.5."
    assert runs_answer({"c": float("nan")}, "loss", higher=False) == "None of these runs has stated its outcome yet."


def test_run_says_since_when(tmp_path: Path) -> None:
    Store(tmp_path).writer("r").close("finished")
    frames = well(steps=steps(np.r_[np.full(40, 0.5), np.full(20, 3.0)]))
    said = run_answer(Store(tmp_path).runs()[0], frames["steps"], diagnose(frames))
    assert said.startswith("This run has finished after 60 steps, with a loss of 3. The learning rate is beyond")
    assert ", since training step 39" in said


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


NOTHING = pd.DataFrame()


def test_finding() -> None:
    two = finding_answer({"rnn": 12.0, "lstm": 63.0}, 63, {"rnn": 0.61, "lstm": 0.7444}, word="accuracy", chance=0.1)
    assert two == (
        "After training the gradient reaches all 63 steps back with lstm and 12 steps with rnn; the final accuracy is "
        "0.74 with lstm and 0.61 with rnn, by chance 0.1."
    )
    assert finding_answer({}, 0, {"a": 0.25}, word="loss") == "The final loss is 0.25."
    many = finding_answer({}, 0, {str(i): i / 10 for i in range(6)}, word="score")
    assert many == "The final score is 0.5 with 5 down to 0 with 0."
    assert finding_answer({"a": np.nan}, 9, {"a": np.nan}, word="loss") == ""


def long_range(quantity: str, place: str, **groups: float) -> pd.DataFrame:
    rows = [
        {"quantity": quantity, "group": name, place: at, "median": value * at, "first_step": 3, "last_step": 5}
        for name, value in groups.items()
        for at in (1, 10)
    ]
    return pd.DataFrame(rows)


def test_spectra() -> None:
    lags = long_range("log_sigma_max", "lag", rnn=np.log(0.5), lstm=np.log(1.1))
    exponents = long_range("", "index", rnn=-0.25, lstm=0.125)
    steps = long_range("sigma_max", "t", rnn=0.5)
    assert spectra_answer(lags, exponents, steps) == (
        "At training steps 3 to 5 the direction that is carried best is, over 10 steps, multiplied by 2.6 with lstm "
        "and 9.8·10⁻⁴ with rnn."
    )
    assert spectra_answer(NOTHING, exponents, steps) == (
        "At training steps 3 to 5 the largest Lyapunov exponent is 0.12 with lstm and −0.25 with rnn nats a step."
    )
    assert spectra_answer(NOTHING, NOTHING, steps) == (
        "At training steps 3 to 5 the largest singular value of a step is in the median 2.8."
    )
    assert spectra_answer(NOTHING, NOTHING, NOTHING) == "No Jacobian has been recorded here yet."
    lost = long_range("log_sigma_max", "lag", rnn=-np.inf, gru=np.nan)
    assert spectra_answer(lost, NOTHING, NOTHING).endswith("multiplied by 0 with rnn and NaN with gru.")


def lags(**groups: int) -> pd.DataFrame:
    """Data of `gradient_by_lag` over 64 lags; all that counts of them is that they are finite."""
    rows = [
        {"group": name, "lag": lag, "median": 0.5, "first_step": 7, "last_step": 7}
        for name in groups
        for lag in range(64)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("reaches", "sentence"),
    [
        ({"gru": 63, "lstm": 63}, "the gradient reaches the 63 steps that the task demands."),
        # the diagnosis calls nine tenths enough: the card of the overview and this page must not disagree
        ({"gru": 62, "lstm": 63}, "the gradient reaches 62 of the 63 steps that the task demands."),
        (
            {"gru": 56, "lstm": 63},
            "the gradient vanishes in 1 of 2 groups before the 63 steps that the task demands: it reaches back 56 "
            "steps with gru.",
        ),
        ({"gru": 9}, "the gradient vanishes before the 63 steps that the task demands: it reaches back 9 steps."),
    ],
)
def test_how_far_is_far_enough_is_what_the_diagnosis_says(reaches: dict[str, int], sentence: str) -> None:
    assert vanishing_answer(lags(**reaches), 63, reaches) == f"At training step 7 {sentence}"
