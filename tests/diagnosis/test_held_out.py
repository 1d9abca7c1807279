"""The held-out set: it is as large and as different from the suite as it says; the benchmark judges all of it."""

import pytest

from tests.diagnosis.evaluation import verdict
from tests.diagnosis.held_out_sick import HELD_OUT_SICK
from tests.diagnosis.held_out_well import HELD_OUT_HEALTHY
from tests.diagnosis.outcomes import contradiction
from tests.diagnosis.running import SetUp, config_of
from tests.diagnosis.sick import HEALTHY, SICK

ALL = (*HELD_OUT_SICK, *HELD_OUT_HEALTHY)
BY_NAME = {each.name: each for each in ALL}
SOME = ("dead_relus-relu-by_hand-415", "well-relu-by_hand-508")


def shape(set_up: SetUp) -> tuple[object, ...]:
    keys = ("model.cell", "task.name", "hand.task", "model.hidden")
    return tuple(set_up.as_run.get(key) for key in keys)


def test_is_large_and_shares_nothing_with_the_suite() -> None:
    assert len(HELD_OUT_SICK) >= 24 and len(HELD_OUT_HEALTHY) >= 14 and len(BY_NAME) == len(ALL)
    assert sum(each.by_hand for each in ALL) >= 10
    suite = (*SICK, *HEALTHY)
    assert not {each.settings["seed"] for each in ALL} & {each.settings["seed"] for each in suite}
    assert not {shape(each) for each in ALL} & {shape(each) for each in suite}
    assert {each.cause for each in HELD_OUT_SICK} == {each.cause for each in SICK} - {"instrument"}


@pytest.mark.parametrize("set_up", ALL, ids=lambda each: each.name)
def test_can_be_run_with_and_without_its_fault(set_up: SetUp) -> None:
    assert bool(set_up.fault) == bool(set_up.cause)
    if not set_up.by_hand:
        assert (config_of(set_up.as_run) == config_of(set_up.settings)) == (not set_up.cause)


@pytest.mark.parametrize("name", SOME)
def test_is_what_it_says_and_is_judged_so(name: str) -> None:
    found = verdict(BY_NAME[name])
    assert not contradiction(found.set_up, found.ran)
    assert found.named and found.healed if found.set_up.cause else not found.alarm, str(found.ran.diagnosis)
