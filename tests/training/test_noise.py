"""Weight noise: where the gradient is taken, and that nothing of it stays."""

import numpy as np
import pytest
import torch

from gradlab.recording import watch
from gradlab.training import Checkpoint, TrainingSettings, train
from gradlab.training.noise import WeightNoise
from tests.training.spy import SMALL, Spy, small_model, weights

SETTINGS = {"steps": 8, "batch": 4, "evaluation_size": 8, "checkpoint_every": 3, "weight_noise": 0.1}


def test_it_is_gaussian_and_goes_away_exactly() -> None:
    model = torch.nn.Linear(300, 100)
    before = weights(model)
    start = model.weight.detach().clone()
    noise = WeightNoise(model, 0.075, 0)
    draws = []
    for _ in range(2):
        noise.add()
        draws.append((model.weight.detach() - start).numpy().ravel())
        noise.remove()
        assert weights(model) == before
    for drawn in draws:
        assert drawn.std() == pytest.approx(0.075, rel=0.02) and abs(drawn.mean()) < 0.0015
    assert abs(np.corrcoef(*draws)[0, 1]) < 0.03


def test_the_gradient_is_that_of_the_noisy_weights_and_acts_on_the_others() -> None:
    net, by_hand = small_model(), small_model()
    settings = TrainingSettings.model_validate({**SETTINGS, "steps": 1, "optimiser": {"name": "sgd", "rate": 0.5}})
    spy = Spy(net)
    train(net, SMALL, settings, seed=4, recorder=spy)
    from gradlab.training.seeds import generator

    batch = SMALL.batch(4, generator(4, "batches"))
    noise = WeightNoise(by_hand, 0.1, 4)
    noise.add()
    loss = SMALL.loss(by_hand(batch.inputs), batch)
    loss.backward()
    noise.remove()
    assert spy.losses == [float(loss.detach())]
    with torch.no_grad():
        for weight in by_hand.parameters():
            weight -= 0.5 * weight.grad  # type: ignore[operator]
    for one, two in zip(net.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(one, two)


def test_recorded_and_continued() -> None:
    made = TrainingSettings.model_validate(SETTINGS)
    plain, watched, again = small_model(), small_model(), small_model()
    kept: list[Checkpoint] = []
    train(plain, SMALL, made, seed=1, keep=kept.append)
    with watch(watched, every=1, check_every=1) as recorder:
        train(watched, SMALL, made, seed=1, recorder=recorder)
    train(again, SMALL, made, seed=1, resume_from=kept[0])
    assert weights(plain) == weights(watched) == weights(again)


def test_an_interrupted_step_leaves_no_noise() -> None:
    net = small_model()
    before = weights(net)

    class BreaksOff(Spy):
        def step(self, loss: torch.Tensor, *, learning_rate: float | None = None) -> None:
            raise KeyboardInterrupt

    train(net, SMALL, TrainingSettings.model_validate(SETTINGS), seed=1, recorder=BreaksOff(net))
    assert weights(net) == before
