"""What small nets learn, and what they do not, by the runs of `learning.py`."""

import pytest

from tests.training.learning import RUNS, LearningRun


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS.values(), ids=list(RUNS))
def test_it_learns_what_it_should_and_no_more(run: LearningRun) -> None:
    outcome = run.do()
    assert outcome.status == "finished"
    assert run.at_least <= outcome.final_score <= run.at_most
    assert run.least_loss <= outcome.final_loss <= run.most_loss
