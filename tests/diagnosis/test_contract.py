"""Every rule: it finds what it is for and nothing on the other side of its threshold, and says what it lacks."""

import ast
import importlib
import inspect
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
import torch

from gradlab.diagnosis import FINDINGS, Finding, Rule, diagnose
from gradlab.diagnosis.finding import CERTAINTIES
from gradlab.quantities import TABLES
from tests.diagnosis.dotted import advised
from tests.diagnosis.running import config_of
from tests.diagnosis.synthetic import (
    COUNT,
    LENGTH,
    Frames,
    gates,
    lyapunov,
    parameters,
    runs,
    steps,
    timesteps,
    truncation,
    well,
)

FLAT = np.full(COUNT, 1.0)
RNN = {"model__cell": "rnn"}
RELU = RNN | {"model__nonlinearity": "relu"}
TRUNCATED = {"training__bptt__name": "truncated", "training__bptt__k1": 4}
ALWAYS = {"clip_fired": True, "clip_coefficient": 0.01, "clip_threshold": 0.01, "grad_norm_clipped": 0.01}


@dataclass(frozen=True)
class RuleCase:
    """Tables on both sides of a rule's threshold."""

    rule: str
    sick: Frames
    close: Frames
    """As sick, but on the other side of the threshold."""
    certainty: str = "strong"
    weight: str = "problem"
    needs: tuple[str, ...] = field(default=())
    """Tables without which it cannot judge."""


CASES = [
    RuleCase(
        "instrument",
        well(parameters=parameters(closure=1.1e-3)),
        well(parameters=parameters(closure=0.9e-3)),
        needs=("parameters",),
    ),
    RuleCase(
        "nonfinite",
        well(steps=steps([*FLAT[:-1], np.nan])),
        well(steps=steps([*FLAT[:-1], 1e30])),
        needs=("steps",),
    ),
    RuleCase(
        "initial_scale",
        well(steps=steps(FLAT), timesteps=timesteps(1.3), runs=runs(**RNN), parameters=parameters(radius=1.6)),
        well(steps=steps(FLAT), timesteps=timesteps(1.2), runs=runs(**RNN), parameters=parameters(radius=1.4)),
        needs=("timesteps",),
    ),
    RuleCase(
        "learning_rate",
        well(steps=steps(np.linspace(1.0, 1.3, COUNT) ** 2), parameters=parameters(ratio=0.11)),
        well(steps=steps(np.linspace(1.0, 1.05, COUNT)), parameters=parameters(ratio=0.09)),
        needs=("steps",),
    ),
    RuleCase(
        "exploding",
        well(steps=steps(FLAT), timesteps=timesteps(1.28)),
        well(steps=steps(FLAT), timesteps=timesteps(1.27)),
        needs=("timesteps",),
    ),
    RuleCase(
        "chaotic",
        well(steps=steps(FLAT), lyapunov=lyapunov(0.24, 0.01)),
        well(steps=steps(FLAT), lyapunov=lyapunov(0.11, 0.01)),
        needs=("lyapunov",),
    ),
    RuleCase(
        "dead_relus",
        well(steps=steps(FLAT), runs=runs(**RELU), timesteps=timesteps(saturation=0.995, dead=0.995), gates=None),
        well(steps=steps(FLAT), runs=runs(**RELU), timesteps=timesteps(saturation=0.995, dead=0.49), gates=None),
        needs=("timesteps",),
    ),
    RuleCase(
        "saturated_gates",
        well(steps=steps(FLAT), gates=gates().assign(low=0.8)),
        well(steps=steps(FLAT), gates=gates().assign(low=0.47)),
        needs=("gates",),
    ),
    RuleCase(
        "saturated_units",
        well(steps=steps(FLAT), runs=runs(**RNN), timesteps=timesteps(saturation=0.81), gates=None),
        well(steps=steps(FLAT), runs=runs(**RNN), timesteps=timesteps(saturation=0.49), gates=None),
        needs=("timesteps",),
    ),
    RuleCase(
        "truncation_bias",
        well(steps=steps(FLAT), runs=runs(**TRUNCATED, demanded_lag=4), truncation=truncation(w4=1.1, w8=0.3)),
        well(steps=steps(FLAT), runs=runs(**TRUNCATED, demanded_lag=4), truncation=truncation(w4=0.9, w8=0.3)),
        needs=("truncation",),
    ),
    RuleCase(
        "forget_bias",
        well(steps=steps(FLAT), gates=gates(f=0.3)),
        well(steps=steps(FLAT), gates=gates(f=0.8)),
        needs=("gates",),
    ),
    RuleCase(
        "vanishing",
        well(steps=steps(FLAT), timesteps=timesteps(0.6)),
        well(steps=steps(FLAT), timesteps=timesteps(0.79)),
        needs=("timesteps",),
    ),
    RuleCase(
        "clipping_always",
        well(steps=steps(**ALWAYS)),
        well(steps=steps(**ALWAYS | {"clip_fired": np.arange(COUNT) % 8 != 0})),
        needs=("steps",),
    ),
    RuleCase(
        "clipping_never",
        well(steps=steps(clip_fired=False, clip_coefficient=1.0, clip_threshold=10.1)),
        well(steps=steps(clip_fired=False, clip_coefficient=1.0, clip_threshold=9.9)),
        weight="note",
        needs=("steps",),
    ),
    RuleCase(
        "clipping_threshold",
        well(steps=steps(FLAT, clip_fired=True, clip_cosine=0.59)),
        well(steps=steps(FLAT, clip_fired=True, clip_cosine=0.81)),
        needs=("steps",),
    ),
    RuleCase(
        "near_critical",
        well(lyapunov=lyapunov(0.01, 0.01)),
        well(lyapunov=lyapunov(-0.051, 0.01)),
        weight="note",
        needs=("lyapunov",),
    ),
]


def named(frames: Frames, rule: str) -> Finding | None:
    """What a rule found."""
    return next((finding for finding in diagnose(frames) if finding.name == rule), None)


@pytest.fixture(params=CASES, ids=lambda case: case.rule)
def case(request: pytest.FixtureRequest) -> RuleCase:
    return request.param


@pytest.fixture(params=FINDINGS, ids=lambda rule: rule.name)
def rule(request: pytest.FixtureRequest) -> Rule:
    return request.param


def test_every_rule_has_a_case() -> None:
    assert [case.rule for case in CASES] == [rule.name for rule in FINDINGS]


def test_stands_in_a_file_of_its_name_and_says_everything(rule: Rule) -> None:
    module = importlib.import_module(f"gradlab.diagnosis.{rule.name}")
    assert getattr(module, rule.name.upper()) is rule
    assert inspect.getmodule(rule.judge) is module
    assert rule.question.endswith("?") and rule.threshold.endswith(".") and rule.certainty.endswith(".")
    assert rule.source and not rule.source.endswith(".")


def test_finds_it(case: RuleCase) -> None:
    found = named(case.sick, case.rule)
    assert found is not None, f"{case.rule}: expected to be found, got {diagnose(case.sick)}"
    assert (found.certainty, found.weight) == (case.certainty, case.weight), str(found)
    assert found.evidence and found.threshold and found.source and found.run == "mine"
    assert found.certainty in CERTAINTIES and len(found.title) <= 120 and "  " not in found.title


def test_does_not_find_it_on_the_other_side(case: RuleCase) -> None:
    found = named(case.close, case.rule)
    assert found is None, f"{case.rule}: expected nothing, got {found}"


@pytest.mark.parametrize(
    "cell, is_found", [("rnn", True), ("peephole_lstm", True), ("residual", False), ("lru", False)]
)
def test_only_states_that_a_tanh_confines_can_be_saturated(cell: str, is_found: bool) -> None:
    frames = well(steps=steps(FLAT), runs=runs(model__cell=cell), timesteps=timesteps(saturation=0.9), gates=None)
    assert (named(frames, "saturated_units") is not None) == is_found


def test_a_run_that_is_well_is_called_well() -> None:
    found = diagnose(well())
    assert found.is_well and not found.findings, str(found)
    assert "Nothing is wrong" in str(found)


def test_a_task_that_was_learned_is_no_problem(case: RuleCase) -> None:
    """Whatever gradients look like: what is learned is learned. Only numbers that broke, or lie, are told."""
    if case.rule in ("instrument", "nonfinite"):
        pytest.skip("is told in any case")
    learned = {**case.sick, "steps": case.sick["steps"].assign(score_loss=0.1, loss=np.linspace(1, 0.1, COUNT))}
    found = named(learned, case.rule)
    assert found is None or found.weight == "note"


def test_says_what_it_lacks(case: RuleCase) -> None:
    for table in case.needs:
        without = {name: frame for name, frame in case.sick.items() if name != table}
        found = diagnose(without)
        lacking = [each for each in found.unjudged if each.name == case.rule]
        assert lacking or named(without, case.rule), f"{case.rule} without {table}: expected a word, got {found}"
        assert all(each.record.words for each in lacking)


def test_advice_is_valid_as_settings_and_as_code(case: RuleCase) -> None:
    found = named(case.sick, case.rule)
    assert found is not None
    cell = {"model.cell": str(case.sick["runs"]["model.cell"].iloc[0])}
    task = {"task.name": "adding", "task.steps": LENGTH}
    config_of(advised({**task, **cell, "training.optimiser": {"name": "sgd", "rate": 0.1}}, found.advice.keys))
    ast.parse(found.advice.code)
    assert found.advice.words


def test_code_of_advice_runs(case: RuleCase) -> None:
    found = named(case.sick, case.rule)
    assert found is not None
    if "recorder" in found.advice.code:
        pytest.skip("needs a recorder")
    cell = str(case.sick["runs"]["model.cell"].iloc[0])
    model = torch.nn.LSTM(2, 4) if cell == "lstm" else torch.nn.RNN(2, 4)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    exec(found.advice.code, {"model": model, "optimizer": optimizer, "torch": torch})


def test_survives_tables_of_nothing_but_broken_numbers(case: RuleCase) -> None:
    for broken in (np.nan, np.inf, -np.inf, 0.0):
        frames = {}
        for name, frame in case.sick.items():
            axes = set(TABLES[name].axes) | {"run"}
            kinds = {quantity.name: quantity.kind for quantity in TABLES[name].quantities}
            values = {
                column: broken
                for column in frame.columns
                if column not in axes and kinds.get(column) == "real" and name != "runs"
            }
            frames[name] = frame.assign(**values)
        text = str(diagnose(frames))
        assert text


def test_survives_tables_without_rows(case: RuleCase) -> None:
    empty = {name: frame.iloc[:0] if name != "runs" else frame for name, frame in case.sick.items()}
    assert named(empty, case.rule) is None
    only_axes = {
        name: frame[[column for column in frame.columns if column in (*TABLES[name].axes, "run")]]
        for name, frame in case.sick.items()
    }
    diagnose(only_axes)


def test_one_run_does_not_change_what_is_said_of_another(case: RuleCase) -> None:
    both = {}
    for name in set(case.sick) | set(well()):
        parts = [
            frames[name].assign(run=run) for run, frames in (("ill", case.sick), ("fine", well())) if name in frames
        ]
        both[name] = pd.concat(parts, ignore_index=True)
    found = diagnose(both)
    assert {one.name for one in found if one.run == "ill"} == {one.name for one in diagnose(case.sick)}
    assert not [one for one in found if one.run == "fine"]
