"""Early stopping: on score, and when nothing reaches the first step any more."""

import math

import pytest
import torch

from gradlab.models import ModelSettings, build
from gradlab.tasks import Adding
from gradlab.training import Checkpoint, TrainingSettings, train
from gradlab.training.bptt import Full, Truncated
from gradlab.training.evaluation import Evaluation
from gradlab.training.stopping import StopOnReach, StopOnScore, reach
from tests.training.bptt.tasks import EveryStep
from tests.training.spy import SMALL, small_model, weights

SETTINGS = {"steps": 60, "batch": 4, "evaluation_size": 8, "evaluate_every": 3, "checkpoint_every": 4}


def decisions(settings: StopOnScore | StopOnReach, scores: list[float], higher: bool = True) -> list[bool]:
    stopper = settings.start(higher)
    return [bool(stopper(Evaluation(0.0, score), lambda score=score: score)) for score in scores]


def test_patience_counts_evaluations_without_a_better_score() -> None:
    settings = StopOnScore(patience=2)
    assert decisions(settings, [0.1, 0.2, 0.2, 0.3, 0.3, 0.1]) == [False] * 5 + [True]
    assert decisions(settings, [3.0, 2.0, 1.0, 1.5, 1.2], higher=False) == [False] * 4 + [True]
    assert decisions(settings, [math.nan, math.nan, 0.5]) == [False, True, False]


def test_a_goal_is_enough() -> None:
    assert decisions(StopOnScore(goal=0.9), [0.5, 0.89, 0.9]) == [False, False, True]
    assert decisions(StopOnScore(goal=0.9), [1.5, 0.91, 0.9], higher=False) == [False, False, True]


def test_reach_must_be_lost_several_times_in_a_row() -> None:
    settings = StopOnReach(share=1e-3, patience=2)
    assert decisions(settings, [1e-4, 0.1, 1e-4, 1e-5, 1e-9]) == [False, False, False, True, True]


@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_reach_is_the_ratio_of_state_gradients(scale: float) -> None:
    """Of an RNN that is so small that it is linear: ‖W^(T−2)‖ on the direction that flows back."""
    task = Adding(steps=12)
    net = build(ModelSettings(cell="rnn", hidden=5, precision="float64"), task, 0)
    with torch.no_grad():
        net.recurrent.weight_hh_l0.copy_(scale * torch.linalg.qr(torch.randn(5, 5).double()).Q)
        for weight in (net.recurrent.weight_ih_l0, net.recurrent.bias_ih_l0, net.recurrent.bias_hh_l0):
            weight.mul_(1e-6)
    way = Full().start(task, 3, 0)
    way(net)
    assert reach(net, task, way) == pytest.approx(scale**10, rel=1e-6)


def test_a_run_ends_when_nothing_reaches_the_first_step() -> None:
    task = Adding(steps=60)
    net = build(ModelSettings(cell="rnn", hidden=6), task, 0)
    with torch.no_grad():
        net.recurrent.weight_hh_l0.mul_(0.3)
    settings = TrainingSettings.model_validate({**SETTINGS, "stop": {"name": "reach", "patience": 2}})
    outcome = train(net, task, settings, seed=0)
    assert outcome.status == "finished" and outcome.steps == 6
    assert outcome.reason.startswith("stopped early after 6 steps: nothing reaches the first step any more")


@pytest.mark.parametrize("bptt", [Full(), Truncated(k1=3)])
def test_asking_changes_nothing_and_is_remembered(bptt: Full | Truncated) -> None:
    for task in (SMALL, EveryStep()):
        asked = {**SETTINGS, "bptt": bptt, "steps": 20, "stop": {"name": "reach", "share": 1e-30}}
        plain, asking = (small_model(task, layers=2, dropout=0.4) for _ in range(2))
        train(plain, task, TrainingSettings.model_validate({**asked, "stop": None}), seed=1)
        assert train(asking, task, TrainingSettings.model_validate(asked), seed=1).steps == 20
        assert weights(plain) == weights(asking)
    made = TrainingSettings.model_validate({**SETTINGS, "stop": {"name": "score", "patience": 4, "goal": 2.0}})
    straight, kept = small_model(), list[Checkpoint]()
    outcome = train(straight, SMALL, made, seed=1, keep=kept.append)
    assert outcome.steps < 60 and "has not improved" in outcome.reason
    for checkpoint in kept:
        again = small_model()
        found = train(again, SMALL, made, seed=1, resume_from=checkpoint)
        assert (found.steps, found.reason, weights(again)) == (outcome.steps, outcome.reason, weights(straight))
