"""When updates are to blame: not for a number that the data brought in, and not where the loss fell all the same."""

import numpy as np
import pytest

from gradlab.diagnosis import diagnose
from tests.diagnosis.synthetic import COUNT, parameters, runs, steps, well

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


@pytest.mark.parametrize("last, is_named", [(0.25, True), (0.1, False)])
def test_large_updates_are_forgiven_where_the_loss_fell_and_chance_is_not_known(last: float, is_named: bool) -> None:
    losses = steps(np.linspace(1.0, last, COUNT))
    found = diagnose(well(runs=runs(chance_loss=np.nan), steps=losses, parameters=parameters(ratio=0.6)))
    assert ("learning_rate" in {one.name for one in found}) == is_named
