"""Whether a set-up is as sick, or as healthy, as it says: by losses alone, without a word from any rule."""

from __future__ import annotations

import math
from dataclasses import replace

from tests.diagnosis import by_hand
from tests.diagnosis.running import Ran, SetUp, config_of, run

NOTES = ("near_critical", "clipping_never")
"""Causes that do no harm by themselves: nothing is lost by them."""
WORSE = 1.3
"""Times the loss without the fault: less would be the difference between two seeds."""
LEARNS = 0.85
"""Of the loss of chance: a set-up whose loss at the end is above it learns too little to lose anything."""
SICK = 0.3
"""The same: a set-up whose loss is below it has learned, whatever was done to it."""


def contradiction(set_up: SetUp, ran: Ran) -> str:
    """What speaks against a set-up that was run; empty where nothing does."""
    chance = chance_of(set_up)
    if not set_up.cause:
        return "" if ran.loss <= LEARNS * chance else f"expected to learn, got a loss of {ran.loss:.3g} ({chance:.3g})"
    if set_up.cause in NOTES:
        return ""
    well = run(replace(set_up, cause="", fault={})).loss
    if not well <= LEARNS * chance:
        return f"expected to learn without its fault, got a loss of {well:.3g} (chance: {chance:.3g})"
    worse = not math.isfinite(ran.loss) or ran.loss >= max(WORSE * well, SICK * chance)
    return "" if worse else f"expected to suffer, got a loss of {ran.loss:.3g} (without its fault: {well:.3g})"


def chance_of(set_up: SetUp) -> float:
    """The loss of a net that has learned nothing."""
    if set_up.by_hand:
        return by_hand.CHANCE[set_up.settings["hand.task"]]
    return config_of(set_up.settings).task.chance.loss
