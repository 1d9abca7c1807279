"""Influence balancing: short windows have the wrong sign and diverge, long ones converge to −1/6."""

import numpy as np
import pytest

from gradlab.recording import MemorySink
from gradlab.training import Outcome, TrainingSettings, train
from tests.training.bptt.tasks import Balance, influence_balancing

RIGHT, WRONG = [45, 100], [5, 15, 30]
K1 = 5


class Rows:
    """An observer that keeps rows and the parameter, and nothing else."""

    def __init__(self) -> None:
        self.sink = MemorySink()

    def write(self, table: str, columns: dict[str, np.ndarray]) -> None:
        """Keep them."""
        self.sink.write(table, columns)

    def step(self, loss: object, *, learning_rate: float | None = None) -> None: ...

    def clipped(self, report: object) -> None: ...

    def evaluated(self, *, score: float, loss: float) -> None: ...


def trained(way: dict, steps: int, rate: float = 2e-3, **measure: object) -> tuple[float, Outcome, Rows]:
    model, rows = influence_balancing(0.0), Rows()
    settings = TrainingSettings.model_validate(
        {
            "steps": steps, "batch": 1, "bptt": way, "optimiser": {"name": "sgd", "rate": rate},
            "evaluate_every": None, "evaluation_size": 1, "measure": {"clipping_every": None, **measure},
        }
    )  # fmt: skip
    outcome = train(model, Balance(), settings, seed=0, recorder=rows)  # type: ignore[arg-type]
    return float(model.theta.detach()), outcome, rows


@pytest.mark.parametrize("window", RIGHT)
def test_long_windows_converge(window: int) -> None:
    theta, outcome, _ = trained({"name": "truncated", "k1": K1, "k2": window}, 500)
    assert theta == pytest.approx(-1 / 6, abs=1e-4)
    assert outcome.final_loss < 1e-6


@pytest.mark.parametrize("window", WRONG)
def test_short_windows_diverge_the_wrong_way(window: int) -> None:
    theta, outcome, _ = trained({"name": "truncated", "k1": K1, "k2": window}, 500)
    assert theta > 1.0, "away from −1/6"
    assert outcome.final_loss > 10


def test_the_measured_bias_says_so_beforehand() -> None:
    """At the steady state of the first weights, before any update that matters."""
    _, _, rows = trained(
        {"name": "truncated", "k1": K1, "k2": K1}, 81, 1e-12,
        bias_every=80, bias_windows=(*WRONG, *RIGHT), bias_history=300,
    )  # fmt: skip
    frame = rows.sink.frame("truncation")
    frame = frame[(frame["step"] == 80) & (frame["parameter"] == "theta")].set_index("window")
    assert (frame.loc[WRONG, "cosine"] == -1).all() and (frame.loc[WRONG, "sign_agreement"] == 0).all()
    assert (frame.loc[RIGHT, "cosine"] == 1).all() and (frame.loc[RIGHT, "sign_agreement"] == 1).all()
    assert frame.loc[100, "relative_error"] < 1e-6 < 1 < frame.loc[15, "relative_error"]


def test_randomised_windows_that_are_as_short_converge() -> None:
    """Mean length 15, where plain truncation diverges."""
    theta, _, _ = trained({"name": "randomised", "length": 15, "exponent": 6}, 1000, 5e-4)
    assert theta == pytest.approx(-1 / 6, abs=1e-3)
