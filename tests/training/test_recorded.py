"""The loop and the recorder together: the same weights, and evaluation is not mistaken for training."""

import pytest

from gradlab.recording import watch
from gradlab.training import Observer, TrainingSettings, train
from tests.training.spy import SMALL, small_model, weights

SETTINGS = TrainingSettings.model_validate(
    {"steps": 9, "batch": 4, "clip": 0.05, "evaluate_every": 2, "evaluation_size": 16}
)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_watched_by_the_recorder_of_gradlab(cell: str) -> None:
    plain, watched = (small_model(cell=cell, layers=2, dropout=0.3) for _ in range(2))
    train(plain, SMALL, SETTINGS, seed=4)
    with watch(watched, every=3) as recorder:
        assert isinstance(recorder, Observer)
        outcome = train(watched, SMALL, SETTINGS, seed=4, recorder=recorder)
    assert weights(plain) == weights(watched)
    steps = recorder.frame("steps")
    assert list(steps["step"]) == list(range(9))
    assert list(steps.dropna(subset="score")["step"]) == [1, 3, 5, 7, 8]
    assert steps["score"].iloc[-1] == outcome.final_score
    ratio = (steps["grad_norm_clipped"] / steps["grad_norm"]).to_numpy()
    assert steps["clip_coefficient"].to_numpy() == pytest.approx(ratio, rel=1e-6)
    timesteps = recorder.frame("timesteps")
    assert sorted(timesteps["step"].unique()) == [0, 3, 6]
    assert timesteps["sequences"].max() == 4, "held-out batches have 16 sequences"
    assert len(timesteps) == 3 * 2 * SMALL.length
