"""One run as the rules see it: what it learned, when it broke, and which threshold its norms suggest."""

import math

import numpy as np
import pandas as pd
import pytest

from gradlab.diagnosis import diagnose
from gradlab.diagnosis.case import Case, early, late, rounded
from gradlab.training.clipping.advice import advise_threshold
from tests.diagnosis.synthetic import COUNT, RECORDED, runs, steps, timesteps, well


def case(losses: object = None, **about: object) -> Case:
    """A run with these losses and facts."""
    return Case(well(steps=steps(losses), runs=runs(**about)))


def test_learning_is_measured_from_chance_to_perfect_by_the_better_of_loss_and_score() -> None:
    assert case(np.full(COUNT, 0.25)).learned == pytest.approx(0.75)
    frames = well(steps=steps(np.full(COUNT, 0.9)).assign(score=0.55), runs=runs(chance_score=0.1))
    assert Case(frames).learned == pytest.approx(0.5)
    held_out = well(steps=steps(np.full(COUNT, 0.9)).assign(score_loss=0.1))
    assert Case(held_out).learned == pytest.approx(0.9)
    errors = well(
        steps=steps(np.full(COUNT, 1.0)).assign(score=0.2), runs=runs(chance_score=0.8, higher_is_better=False)
    )
    assert Case(errors).learned == pytest.approx(0.75)


def test_what_is_not_known_is_neither_learned_nor_at_chance() -> None:
    unknown = case(chance_loss=math.nan)
    assert unknown.learned is None
    assert not (unknown.has_learned or unknown.learned_something or unknown.is_at_chance)
    assert case(np.full(COUNT, 1.0)).is_at_chance and case(np.full(COUNT, 0.1)).has_learned


def test_a_run_that_broke_learned_nothing() -> None:
    broken = case([*np.full(COUNT - 1, 0.1), math.nan])
    assert broken.final_loss == math.inf and broken.learned == -math.inf and broken.broke_at == COUNT - 1
    assert case().broke_at is None


def test_norms_that_nobody_recorded_are_no_breakage() -> None:
    assert Case(well(steps=steps(norms=np.nan))).broke_at is None
    assert Case(well(steps=steps(norms=[*np.ones(COUNT - 1), np.nan]))).broke_at == COUNT - 1


def test_gradients_may_explode_where_nobody_recorded_norms() -> None:
    frames = well(steps=steps(np.full(COUNT, 1.0), norms=np.nan), timesteps=timesteps(1.5))
    assert math.isnan(Case(frames).largest_norm) and math.isnan(Case(frames).usual_norm)
    assert "exploding" in [one.name for one in diagnose(frames)]


def test_leaps_stand_out_of_the_twenty_losses_before() -> None:
    losses = np.full(COUNT, 0.5)
    losses[[3, 30, 50]] = 10.0, 1.4, 1.6
    assert case(losses).leaps.tolist() == [50], "three times 0.5; and the first steps do not count"
    losses[40] = np.nan
    assert case(losses).leaps.tolist() == [40, 50]


def test_a_leap_is_dated_to_the_update_that_began_it() -> None:
    """The usual loss is 0.5; it rises after the update at step 40, and three steps later it is three times that."""
    losses = np.full(COUNT, 0.5)
    losses[41:] = [0.9, 1.3, 2.5] + [3.0] * (COUNT - 44)
    assert case(losses).leaps[0] == 43
    found = next(one for one in diagnose(well(steps=steps(losses))) if one.name == "learning_rate")
    assert found.where.first_step == 40
    losses[35] = np.nan
    found = next(one for one in diagnose(well(steps=steps(losses))) if one.name == "learning_rate")
    assert found.where.first_step == 34, "a loss that is no number is the first leap"


def test_losses_of_truncated_windows_are_averaged_over_a_sequence() -> None:
    losses = np.tile([0.0, 0.0, 0.0, 4.0], COUNT // 4)
    about = {"training__bptt__k1": 5, "reads": "every"}  # four windows in a sequence of twenty steps
    assert case(losses, **about).trend[3:] == pytest.approx(1.0)
    assert case(losses, **about).leaps.tolist() == []
    assert len(case(losses, training__bptt__k1=5, reads="last").leaps) > 5, "these are whole sequences"


@pytest.mark.parametrize("seed", range(3))
def test_the_threshold_is_that_of_the_training_side(seed: int) -> None:
    norms = np.random.default_rng(seed).lognormal(sigma=1.5, size=COUNT)
    expected = advise_threshold(norms)
    ours = Case(well(steps=steps(norms=norms)))
    assert ours.advised_threshold == rounded(expected.threshold) and ours.usual_norm == pytest.approx(2 * expected.low)


def test_early_and_late() -> None:
    rows = timesteps()
    assert set(early(rows)["step"]) == {0} and sorted(set(late(rows)["step"])) == list(RECORDED[-2:])
    assert set(late(rows[rows["step"] == 20])["step"]) == {20}


def test_the_cell_is_told_by_its_gates() -> None:
    frames = well(runs=pd.DataFrame([{"run": "mine"}]))
    assert Case(frames).cell == "lstm" and Case(frames).nonlinearity == "tanh"
    assert Case({**frames, "gates": frames["gates"].iloc[:0]}).cell is None
    assert Case(frames, known={"model.cell": "rnn"}).cell == "rnn"
