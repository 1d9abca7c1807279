"""Learning rates by formula, and in the loop."""

import math
from itertools import islice

import pytest
from pydantic import ValidationError

from gradlab.training import Checkpoint, TrainingSettings, train
from gradlab.training.schedules import SCHEDULES, Schedule
from tests.training.spy import SMALL, Spy, small_model, weights

FORMULAS = {
    "constant": lambda t, T: 1.0,
    "step": lambda t, T: 0.5 ** (t // 4),
    "milestones": lambda t, T: 0.1 ** sum(t >= at for at in (3, 7)),
    "exponential": lambda t, T: 0.9**t,
    "cosine": lambda t, T: 0.1 + 0.45 * (1 + math.cos(math.pi * t / T)),
    "polynomial": lambda t, T: (1 - t / T) ** 2,
}
SETTINGS: dict[str, dict] = {
    "constant": {},
    "step": {"every": 4, "factor": 0.5},
    "milestones": {"at": (3, 7), "factor": 0.1},
    "exponential": {"factor": 0.9},
    "cosine": {"least": 0.1},
    "polynomial": {"power": 2.0},
}


def made(name: str, **more: object) -> Schedule:
    return TrainingSettings.model_validate({"schedule": {"name": name, **SETTINGS[name], **more}}).schedule


def test_all_are_tested() -> None:
    assert [schedule.model_fields["name"].default for schedule in SCHEDULES] == list(FORMULAS)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("warm_up", [0, 1, 5])
def test_rates_are_those_of_the_formula(name: str, warm_up: int) -> None:
    found = list(islice(made(name, warm_up=warm_up).rates(1.0, 20), 20))
    rising = [(step + 1) / (warm_up + 1) for step in range(warm_up)]
    expected = rising + [FORMULAS[name](step, 20 - warm_up) for step in range(20 - warm_up)]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert [2.5 * rate for rate in found] == pytest.approx(
        list(islice(made(name, warm_up=warm_up).rates(2.5, 20), 20)), abs=0.3 if name == "cosine" else 1e-12
    )


def test_the_loop_uses_them_and_the_recorder_is_told() -> None:
    net = small_model()
    spy = Spy(net)
    settings = TrainingSettings.model_validate(
        {"steps": 10, "batch": 4, "evaluation_size": 4, "schedule": {"name": "exponential", "factor": 0.5}}
    )
    train(net, SMALL, settings, seed=0, recorder=spy)
    assert spy.rates == [0.001 * 0.5**step for step in range(10)]


@pytest.mark.parametrize("name", FORMULAS)
def test_a_run_that_is_continued_goes_on_with_the_right_rate(name: str) -> None:
    settings = TrainingSettings.model_validate(
        {
            "steps": 20, "batch": 4, "evaluation_size": 4, "checkpoint_every": 7, "optimiser": {"name": "sgd"},
            "schedule": {"name": name, **SETTINGS[name], "warm_up": 2},
        }
    )  # fmt: skip
    straight, kept = small_model(), list[Checkpoint]()
    train(straight, SMALL, settings, seed=0, keep=kept.append)
    again = small_model()
    train(again, SMALL, settings, seed=0, resume_from=kept[1])
    assert weights(again) == weights(straight)


@pytest.mark.parametrize("schedule", ["stairs", {"name": "step", "factor": 2}, {"name": "milestones"}])
def test_anything_else_is_refused(schedule: object) -> None:
    with pytest.raises(ValidationError):
        TrainingSettings.model_validate({"schedule": schedule})
