"""How a diagnosis shows itself: as text, as frame, as JSON, and as HTML in which nothing from outside is markup."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import yaml

from gradlab.diagnosis import Advice, Diagnosis, Evidence, diagnose
from tests.diagnosis.synthetic import COUNT, Frames, gates, runs, steps, timesteps, well

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def sick() -> Frames:
    """Vanishing, by gates that forget."""
    return well(steps=steps(np.full(COUNT, 1.0)), timesteps=timesteps(0.6), gates=gates(f=0.3), lyapunov=None)


def test_text_has_everything_that_is_needed_to_believe_it(sick: Frames) -> None:
    text = str(diagnose(sick))
    assert text.startswith("Run mine: 2 problems found.")
    for part in (
        "PROBLEM The gradient vanishes: it comes back 9 steps, and the task needs 19 (layer 0) (vanishing, strong)",
        "where: module recurrent, layer 0, training steps 40 to 50",
        "horizon of the gradient (by ‖∂L/∂h_t‖): 9 steps (well: at least 19 steps)",
        "in a study file:\n    model:\n      initialiser:\n        name: chrono",
        "in Python:\n    for name, bias in model.named_parameters():",
        "Pascanu, Mikolov & Bengio 2013, section 2",
        "chaotic, near_critical: the table `lyapunov` is missing. Record the table lyapunov. "
        "(record.tables: [lyapunov])",
    ):
        assert part in text, text
    assert max(len(line) for line in text.splitlines()) <= 160


def test_problems_stand_before_notes_and_sure_ones_before_others() -> None:
    always = steps(np.full(COUNT, 1.0), clip_fired=True, clip_coefficient=0.7)
    found = diagnose(well(steps=always, timesteps=timesteps(0.6), gates=gates(f=0.5)))
    assert [(one.name, one.certainty) for one in found] == [
        ("vanishing", "strong"),
        ("forget_bias", "likely"),
        ("clipping_always", "weak"),
    ]
    assert [one.name for one in found.notes] == ["clipping_always"]
    assert [one.name for one in found.problems] == ["vanishing", "forget_bias"]
    assert len(found) == 3 and found[0] is found.findings[0] and list(found[:2]) == list(found.problems)


def test_a_note_says_why_it_is_no_more() -> None:
    always = steps(clip_fired=True, clip_coefficient=0.3)
    by_adam = diagnose(well(steps=always, runs=runs(training__optimiser__name="adam")))
    assert [(one.name, one.weight) for one in by_adam] == [("clipping_always", "note")]
    assert by_adam[0].advice.words.startswith(
        "This costs little here: adam divides by the gradient's size anyway. Clip"
    )
    by_sgd = diagnose(well(steps=always))
    assert by_sgd[0].weight == "problem" and by_sgd[0].advice.words.startswith("Clip the gradient's norm at")


def test_frame_has_a_row_a_finding(sick: Frames) -> None:
    frame = diagnose(sick).frame()
    assert frame["name"].tolist() == ["forget_bias", "vanishing"]
    assert (frame["run"] == "mine").all() and (frame["evidence"].str.len() > 20).all()
    assert diagnose(well()).frame().empty and len(diagnose(well()).frame().columns) == len(frame.columns)


def test_json_holds_the_same_and_numbers_that_json_lacks(sick: Frames) -> None:
    sick["steps"] = steps([*np.full(COUNT - 1, 1.0), math.nan])
    found = diagnose(sick)
    read = json.loads(found.to_json())
    assert [one["name"] for one in read["findings"]] == [one.name for one in found]
    [broken] = [one for one in read["findings"] if one["name"] == "nonfinite"]
    assert "NaN" in [each["value"] for each in broken["evidence"]]
    assert read["is_well"] is False and read["unjudged"][0]["record"]["keys"] == {"record.tables": ["lyapunov"]}


def test_html_escapes_what_comes_from_outside(sick: Frames) -> None:
    sick["runs"] = runs(run=EVIL, model__cell="lstm", reason=f"InstrumentError: {EVIL}")
    sick["timesteps"] = sick["timesteps"].assign(module=EVIL)
    html = diagnose(sick)._repr_html_()
    assert "<script" not in html and "&lt;script&gt;" in html and html.count("<details>") == 4
    both = {name: pd.concat([frame, frame.assign(run="b")]).assign(run=["a"] * len(frame) + [EVIL] * len(frame))
            for name, frame in sick.items()}  # fmt: skip
    assert "<script" not in diagnose(both)._repr_html_()


def test_many_runs_are_told_together_and_apart(sick: Frames) -> None:
    other = well(runs=runs(run="other", seed=3, model__hidden=8), lyapunov=None)
    sick["runs"] = runs(seed=2, model__hidden=8)
    both = {
        name: pd.concat([sick[name].assign(run="mine"), other[name].assign(run="other")], ignore_index=True)
        for name in sick
    }
    found = diagnose(both)
    assert found.runs == ("mine", "other") and found.labels == {"mine": "seed=2", "other": "seed=3"}
    text = str(found)
    assert text.startswith("2 runs: 1 with a problem, 1 without.") and "VANISHING in 1 of 2 runs (1 strong)" in text
    assert "  mine (seed=2)" in text
    assert found.of("other").is_well and len(found.of("mine").problems) == 2
    assert str(found.of("mine") + found.of("other")) == text


def test_nothing_recorded() -> None:
    assert str(diagnose({})) == "Nothing has been recorded yet." == str(Diagnosis((), (), ()))
    assert "Nothing has been recorded yet." in diagnose({})._repr_html_()


def test_advice_adds_up_and_reads_back_as_a_study_file() -> None:
    advice = Advice("One.", {"training.optimiser.rate": 0.1}, "a = 1") + Advice(
        "Two.", {"training.clip": {"name": "agc"}}
    )
    assert advice.words == "One. Two." and advice.code == "a = 1"
    assert yaml.safe_load(advice.yaml) == {"training": {"optimiser": {"rate": 0.1}, "clip": {"name": "agc"}}}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (8.0, "8"),
        (0.0123456, "0.0123"),
        (math.inf, "infinite"),
        (-math.inf, "minus infinity"),
        (math.nan, "not a number"),
    ],
)
def test_numbers_in_words(value: float, said: str) -> None:
    assert str(Evidence("a", value, "steps")) == f"a: {said} steps"
    assert str(Evidence("a", value, "", 2.0, "at most")) == f"a: {said} (well: at most 2)"
