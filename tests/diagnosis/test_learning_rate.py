"""Whom a number that is not finite is blamed on: the data that brought it in, or the updates."""

import numpy as np
import pytest

from gradlab.diagnosis import diagnose
from tests.diagnosis.synthetic import COUNT, parameters, steps, well

BROKEN = 5
"""Steps at the end, without a finite loss."""


def rules_of(born: str) -> set[str]:
    """What is found in a run that learns, and then breaks."""
    first = [""] * (COUNT - BROKEN) + [born] * BROKEN
    losses = np.append(np.linspace(1.0, 0.4, COUNT - BROKEN), np.full(BROKEN, np.nan))
    found = diagnose(well(steps=steps(losses, first_nonfinite=first), parameters=parameters()))
    return {finding.name for finding in found.findings}


def test_what_the_data_brought_in_is_no_updates_fault() -> None:
    assert rules_of("input of rnn, layer 0, time step 3") == {"nonfinite"}


@pytest.mark.parametrize("born", ["parameter rnn.weight_hh_l0", "state h of rnn, layer 0, time step 9", ""])
def test_what_the_net_made_itself_may_be(born: str) -> None:
    assert rules_of(born) == {"nonfinite", "learning_rate"}
