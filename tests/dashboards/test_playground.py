"""The page Playground: what it says is what theory and autograd say."""

import time

import numpy as np
import pytest
import torch

from dashboards.pages import PAGES
from dashboards.random_net import CELLS, RandomNet, frames_of
from gradlab.dynamics import MeanField
from tests.dashboards.reading import Open, answer, charts, page_named, texts

PLAYGROUND = page_named("playground")


def growth(net: RandomNet) -> float:
    gradient = frames_of(net)["timesteps"].groupby("t")["grad_h"].median().to_numpy()
    return float(np.log(gradient[20] / gradient[-20]) / (len(gradient) - 40))


@pytest.mark.parametrize("gain", [0.7, 1.3, 2.0])
def test_gaussian_net_grows_as_mean_field_theory_says(gain: float) -> None:
    field = MeanField(gain, 0.25)
    found = np.mean([growth(RandomNet("rnn, tanh", 128, "gaussian", gain, 200, 0.5, seed=seed)) for seed in range(3)])
    assert found == pytest.approx(field.exponent + field.finite_size_correction(128), abs=0.03)


def test_orthogonal_linear_regime_keeps_every_singular_value() -> None:
    """Without any input the state is zero, φ' is 1, and J = W."""
    spectra = frames_of(RandomNet("rnn, tanh", 16, "orthogonal", 0.9, 10, 0.0))["spectra"]
    np.testing.assert_allclose(spectra["log_sigma"], np.log(0.9), atol=1e-12)


def test_open_forget_gates_carry_the_gradient() -> None:
    closed, opened = (growth(RandomNet("lstm", 32, "torch", 1.0, 100, 0.3, forget_bias=bias)) for bias in (-2.0, 5.0))
    assert opened > closed + 0.3
    assert abs(opened) < 0.05


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_is_drawn_at_once(cell: str) -> None:
    net = RandomNet(cell, 32, "gaussian", 1.0, 50, 0.3)
    state = torch.random.get_rng_state()
    started = time.process_time()
    frames = frames_of(net)
    assert time.process_time() - started < 2, "half a second is the goal, on a machine that does nothing else"
    assert torch.equal(state, torch.random.get_rng_state())
    assert frames["timesteps"]["grad_h"].gt(0).all()
    assert frames["spectra"]["t"].nunique() == 16


def test_page_offers_the_cells_that_there_are(open_page: Open) -> None:
    app = open_page("empty", PLAYGROUND)
    cells = next(box for box in app.selectbox if box.label == "Cell")
    assert cells.options == list(CELLS)
    assert len(charts(app)) == 3


def test_page_follows_the_address(open_page: Open) -> None:
    app = open_page("empty", PLAYGROUND, cell="rnn, tanh", gain="0.5", length="100")
    assert "vanishes: over 99 steps" in answer(app)
    assert any("½ ln χ" in text for text in texts(app))
    assert {"this net", "theory, N → ∞"} <= {trace.get("name") for trace in charts(app)[0]["data"]}
    loud = open_page("empty", PLAYGROUND, cell="rnn, tanh", gain="3.0", drive="0.0", length="100")
    assert "explodes" in answer(loud)
    gated = open_page("empty", PLAYGROUND, cell="lstm", weights="torch", forget="5.0")
    assert "arrives" in answer(gated)
    assert any("no mean-field theory" in text for text in texts(gated))
    assert PLAYGROUND in PAGES
