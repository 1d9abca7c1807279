"""The adaptive window: its bound on geometric decays that are known, and what it chooses for nets that forget."""

import numpy as np
import pytest
import torch

from gradlab.training import TrainingSettings, train
from gradlab.training.bptt.adaptive import estimate
from tests.training.bptt.tasks import Linear, Value
from tests.training.bptt.test_influence_balancing import Rows


@pytest.mark.parametrize("decay", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("onset", [1, 4])
def test_on_an_exact_decay_the_bound_is_the_bias(decay: float, onset: int) -> None:
    lags = np.arange(1, 400)
    norms = 3.0 * decay**lags
    made = estimate(norms, np.cumsum(norms), 0.1, 1, 300, onset)
    assert made.log_decay == pytest.approx(np.log(decay), rel=1e-9)
    lost = decay**lags / (decay - 0)  # Σ_{k≥K} β^k over Σ_{k≥1} β^k, K = 1, 2, …
    assert made.bounds[:300] == pytest.approx(lost[:300], rel=1e-6)
    assert made.window == int(lags[lost < 0.1][0])


def test_ends_of_the_range() -> None:
    norms = 0.5 ** np.arange(1, 60)
    sums = np.cumsum(norms)
    assert estimate(norms, sums, 0.9, 7, 40, 1).window == 7
    assert estimate(norms, sums, 1e-30, 1, 40, 1).window == 40
    growing = 1.01 ** np.arange(1, 60)
    assert estimate(growing, np.cumsum(growing), 0.5, 1, 40, 1).window == 40
    assert estimate(np.full(50, np.nan), np.full(50, np.nan), 0.5, 1, 40, 1).window == 40
    dead = np.zeros(50)
    assert estimate(dead, dead, 0.5, 1, 40, 1).window == 40, "nothing is known of a gradient that is zero"


@pytest.mark.parametrize("a", [0.5, 0.8, 0.93])
def test_a_net_that_remembers_longer_gets_a_longer_window(a: float) -> None:
    model = Linear(torch.tensor([[a]], dtype=torch.float64), torch.ones(1, dtype=torch.float64), 0.4)
    rows = Rows()
    settings = TrainingSettings.model_validate(
        {
            "steps": 9, "batch": 2, "optimiser": {"name": "sgd", "rate": 1e-9}, "evaluation_size": 1,
            "bptt": {"name": "adaptive", "tolerance": 0.05, "longest": 150, "shortest": 1, "onset": 1, "every": 4},
        }
    )  # fmt: skip
    train(model, Value(), settings, seed=0, recorder=rows)  # type: ignore[arg-type]
    frame = rows.sink.frame("windows")
    assert list(frame["step"]) == [0, 4, 8]
    assert frame["log_decay"].to_numpy() == pytest.approx(np.log(a), rel=1e-6)
    expected = int(np.floor(1 + np.log(0.05) / np.log(a))) + 1
    assert (frame["length"] == expected).all()
    assert (frame["bias_bound"] < 0.05).all()
