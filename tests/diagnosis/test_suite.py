"""The suite of sick and healthy runs: a few by default, all of them against the goals where time allows."""

import pytest

from tests.diagnosis.dotted import advised
from tests.diagnosis.evaluation import rates, verdict
from tests.diagnosis.running import SetUp, config_of
from tests.diagnosis.sick import DEVELOPMENT, HEALTHY, LATER, SICK

SOME = (
    "vanishing-rnn-delayed_recall30-0",
    "initial_scale-rnn-delayed_recall20-19",
    "nonfinite-relu-adding40-25",
    "instrument-rnn-delayed_recall10-26",
)
SOME_WELL = ("well-rnn-delayed_recall6-202", "well-gru-digitsrow-206")
BY_NAME = {each.name: each for each in (*SICK, *HEALTHY)}


def test_the_suite_is_as_large_and_as_mixed_as_it_says() -> None:
    assert len(SICK) >= 40 and len(HEALTHY) >= 20 and len(BY_NAME) == len(SICK) + len(HEALTHY)
    seeds = [{each.settings["seed"] for each in half} for half in (DEVELOPMENT, LATER)]
    assert not seeds[0] & seeds[1]
    keys = ("model.cell", "task.name", "model.hidden")
    shapes = [{(each.cause, *(each.settings[key] for key in keys)) for each in half} for half in (DEVELOPMENT, LATER)]
    assert len(shapes[0] & shapes[1]) <= 2
    for each in (*SICK, *HEALTHY):
        config_of(each.settings)


def test_advice_replaces_settings_above_and_below_it() -> None:
    given = {"training.optimiser": {"name": "adam", "rate": 1.0}, "model.initialiser.name": "chrono", "seed": 1}
    keys = {"training.optimiser.rate": 0.1, "model.initialiser": {"name": "orthogonal"}}
    assert advised(given, keys) == {
        "training.optimiser": {"name": "adam", "rate": 0.1},
        "model.initialiser": {"name": "orthogonal"},
        "seed": 1,
    }


@pytest.mark.parametrize("name", SOME)
def test_names_the_cause_and_heals_it(name: str) -> None:
    found = verdict(BY_NAME[name])
    assert found.named, f"{name}: expected {found.set_up.cause}, got {found.ran.diagnosis}"
    assert found.healed, f"{name}: expected the advice to help, got {found.after and found.after.diagnosis}"


@pytest.mark.parametrize("name", SOME_WELL)
def test_does_not_cry_for_nothing(name: str) -> None:
    found = verdict(BY_NAME[name])
    assert not found.alarm, f"{name}: expected no problem, got {found.ran.diagnosis}"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("half", [DEVELOPMENT, LATER], ids=["development", "later"])
def test_reaches_the_goals(half: tuple[SetUp, ...]) -> None:
    found = [verdict(each) for each in half]
    missed = [one.set_up.name for one in found if (not one.named if one.set_up.cause else one.alarm)]
    assert not rates(found).misses, f"{rates(found).misses}; wrong: {missed}"
