"""Every script of the gallery is run, and what its title says is held against the numbers that it drew."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from gradlab.dynamics import critical_sigma_w, memory_of_bias
from tests.house.repository import ROOT

GALLERY = ROOT / "studies" / "gallery"
LINES = 60


def loaded(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"gallery_{name}", GALLERY / f"{name}.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


PAGE = loaded("__main__")


def curve(figure: go.Figure, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Positions and values of the curve whose name begins so; a gap is NaN."""
    [found] = [one for one in figure.data if (one.name or "").startswith(name) and one.fill in (None, "tozeroy")][:1]
    return np.asarray(found.x, dtype=float), np.asarray(found.y, dtype=float)


def marks(figure: go.Figure, name: str) -> np.ndarray:
    """Positions of the marks at the edge of one kind, such as `exactly 0`."""
    return np.concatenate([np.zeros(0), *(np.asarray(one.x, dtype=float) for one in figure.data if one.name == name)])


def retain_grad(figure: go.Figure) -> None:
    _, through_all = curve(figure, "through all paths")
    _, direct = curve(figure, "out.retain_grad")
    assert len(through_all) == 40 and (through_all > 0).all()
    assert (direct > 0).sum() == 1 and direct[-1] > 0
    assert len(marks(figure, "exactly 0")) == 39
    assert direct[-1] == pytest.approx(through_all[-1], rel=1e-5)
    assert "1 of 40" in figure.layout.title.text


def untrained_cells(figure: go.Figure) -> None:
    for cell in ("RNN", "LSTM", "GRU"):
        lag, share = curve(figure, cell)
        reach = int(lag[share >= 0.01].max())
        assert reach < 20 and f"{cell} {reach}" in figure.layout.title.text
        assert share[lag == 40] < 1e-4


def who_teaches_whom(figure: go.Figure) -> None:
    t, s = curve(figure, "1 % of it")
    [shares] = [np.asarray(one.z, dtype=float) for one in figure.data if one.type == "heatmap"]
    assert len(s) == len(shares) == 32 and (t <= s).all()
    assert 4 < (s - t).max() < 15 and f"the {(s - t).max():.0f} steps before" in figure.layout.title.text
    assert shares[-1, 0] < -7 < -1e-6 < shares[-1, -1], "nothing at the beginning, everything at its own time"


def products(figure: go.Figure) -> None:
    ends = []
    for name in ("largest", "median", "smallest"):
        (lag, logs), (_, expected) = curve(figure, f"{name} ln"), curve(figure, f"{name} exponent")
        assert logs[-1] / lag[-1] == pytest.approx(expected[-1] / lag[-1], abs=0.05)
        ends.append(logs[-1])
    assert ends[0] - ends[1] > 20 and ends[1] - ends[2] > 20


def edge_of_chaos(figure: go.Figure) -> None:
    for name, variance in loaded("edge_of_chaos").VARIANCES.items():
        (gain, measured), (_, theory) = curve(figure, name), curve(figure, f"½ ln χ, {name}")
        crossing = float(np.interp(0.0, measured, gain))
        assert crossing == pytest.approx(critical_sigma_w(variance), abs=0.2)
        assert f"{critical_sigma_w(variance):.2f}" in figure.layout.title.text
        assert np.abs(measured - theory).max() < 0.1


def cliff(figure: go.Figure) -> None:
    ends = {}
    for name in ("raw", "clipped"):
        fraction, loss = curve(figure, f"the {name} step")
        ends[name] = loss[np.isclose(fraction, 0)][0], loss[np.isclose(fraction, 1)][0]
    assert ends["raw"][0] == ends["clipped"][0], "both start at the same place"
    assert ends["clipped"][1] < ends["raw"][1] / 4 < ends["raw"][0] / 4
    assert f"{ends['raw'][1]:.2f}, the clipped one at {ends['clipped'][1]:.2f}" in figure.layout.title.text
    assert int(re.search(r"‖g‖ = (\d+)", figure.layout.title.text)[1]) > 50


def truncation(figure: go.Figure) -> None:
    slopes = []
    for gain in ("1", "1.3"):
        window, error = curve(figure, f"gain {gain},")
        _, expected = curve(figure, f"∝ exp(λ₁K), gain {gain}")
        measured, predicted = (np.polyfit(window, np.log(one), 1)[0] for one in (error, expected))
        assert measured == pytest.approx(predicted, rel=0.2)
        slopes.append(measured)
    assert slopes[0] < slopes[1] < 0, "the net that forgets less has the larger bias"


def weights_bound(figure: go.Figure) -> None:
    (_, weights), (_, steps), (_, truth) = (
        curve(figure, name) for name in ("bound by the weights", "bound by every", "ln σ_max of the product")
    )
    assert (truth <= steps + 1e-9).all() and (steps <= weights + 1e-9).all()
    assert weights[-1] > 20 and truth[-1] < -5


def transient_growth(figure: go.Figure) -> None:
    lag, size = curve(figure, "σ_max of the product")
    assert size.max() == pytest.approx(19.38, abs=0.01) and lag[size.argmax()] == 9
    assert size[lag == 200] == pytest.approx(7.8e-7, rel=0.01)


def mean_field(figure: go.Figure) -> None:
    (sigma, measured), (fine, theory) = curve(figure, "units=128"), curve(figure, "½ ln χ")
    of_this_width = curve(figure, "theory to first order")[1]
    driven = sigma >= 1.25
    error = measured - np.interp(sigma, fine, theory) - of_this_width
    assert np.abs(error[driven]).max() < 0.035 / 2, "as far as one net of 128 units may be off"
    assert measured[0] < -0.3 and measured[-1] > 0.2


def random_matrices(figure: go.Figure) -> None:
    for layers in (1, 2, 3):
        name = f"{layers} layer"
        (middle, height), (s, density) = curve(figure, name), curve(figure, f"theory, {name}")
        width = middle[1] - middle[0]
        assert (height * width).sum() == pytest.approx(1, abs=1e-9)
        wide = middle > 0.3
        assert np.abs(height[wide] - np.interp(middle[wide], s, density, right=0.0)).mean() < 0.05
    assert curve(figure, "3 layers")[1][1] > 2 * curve(figure, "1 layer")[1][1], "mass moves to zero"


def orthogonal(figure: go.Figure) -> None:
    (middle, orthogonal), (_, gaussian) = curve(figure, "orthogonal"), curve(figure, "Gaussian")
    kept = np.abs(middle) < 3
    assert orthogonal.sum() == pytest.approx(1) and gaussian.sum() == pytest.approx(1)
    assert orthogonal[kept].sum() > 0.95 and gaussian[kept].sum() < 0.3
    assert gaussian[middle < -10].sum() > 0.3


def forget_bias(figure: go.Figure) -> None:
    bias, memory = curve(figure, "measured")
    assert len(bias) == 7 and np.isfinite(memory).all()
    assert (memory >= 0.95 * memory_of_bias(bias)).all()
    assert memory[0] == pytest.approx(memory_of_bias(0.0), rel=0.1)


def chrono(figure: go.Figure) -> None:
    (_, spread), (_, plain), (_, promised) = (curve(figure, name) for name in ("chrono", "torch", "1/ln"))
    assert spread.max() > 60 and spread.min() < 5
    assert plain.max() < 3
    assert np.median(np.abs(np.log(spread / promised))) < 0.2


def residual_depth(figure: go.Figure) -> None:
    (_, plain), (_, residual) = curve(figure, "plain"), curve(figure, "residual")
    assert plain[-1] < 1e-6 and 1 < residual[-1] < 1e3
    assert f"{residual[-1]:.0f}-fold" in figure.layout.title.text
    growth = np.diff(np.log(residual))
    assert growth[-1] > growth[1] > 0, "mostly in the lowest layers"


def flossing(figure: go.Figure) -> None:
    for place in (1, 3):
        _, exponents = curve(figure, f"exponent {place}")
        assert exponents[0] < -0.3 and abs(exponents[-1]) < 0.08
    assert curve(figure, "exponent 6")[1][-1] < -0.1


def half_precision(figure: go.Figure) -> None:
    end = int(marks(figure, "exactly 0").min())
    assert f"after {end} steps" in figure.layout.title.text
    (lag, exact), (_, brain), (_, half) = (curve(figure, name) for name in ("float64", "bfloat16", "float16"))
    assert np.isnan(half[lag >= end]).all() and (half[lag < end - 10] > 0).all()
    assert exact[lag == end] > 0 and brain[lag == end] == pytest.approx(exact[lag == end], rel=0.2)


CLAIMS: dict[str, Callable[[go.Figure], None]] = {
    claim.__name__: claim
    for claim in (
        retain_grad, untrained_cells, who_teaches_whom, products, edge_of_chaos, cliff, truncation, weights_bound,
        transient_growth, mean_field, random_matrices, orthogonal, forget_bias, chrono, residual_depth, flossing,
        half_precision,
    )
}  # fmt: skip


def test_no_script_is_without_a_claim_and_none_is_left_out_of_the_page() -> None:
    scripts = {path.stem for path in GALLERY.glob("*.py")} - {"__main__"}
    assert scripts == set(CLAIMS) == set(PAGE.ORDER)
    assert len(PAGE.ORDER) == len(scripts)


@pytest.mark.parametrize("name", CLAIMS)
def test_what_the_title_says(name: str) -> None:
    drawn = loaded(name).figure()
    CLAIMS[name](drawn)
    assert 20 < len(drawn.layout.title.text) < 110
    flat = go.Figure(drawn).for_each_trace(lambda one: one.update(y=np.ones(len(one.y))), {"type": "scatter"})
    with pytest.raises(AssertionError):
        CLAIMS[name](flat)


@pytest.mark.parametrize("name", CLAIMS)
def test_says_question_what_one_sees_and_source_in_few_lines(name: str) -> None:
    text = (GALLERY / f"{name}.py").read_text(encoding="utf-8")
    assert text.count("\n") <= LINES
    question, *seen, source = (loaded(name).__doc__ or "").strip().split("\n\n")
    assert question.endswith("?") and "\n" not in question
    assert 100 < len(" ".join(seen)) < 700
    assert source.startswith("Source: ")
    assert f'figure().write_html("{name}.html")' in text


@pytest.mark.slow
@pytest.mark.parametrize("name", CLAIMS)
def test_is_the_same_each_time(name: str) -> None:
    module = loaded(name)
    drawn = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        drawn.append(module.figure(theme="dark").to_json())
    assert drawn[0] == drawn[1]


def test_one_page_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PAGE, "ORDER", ("transient_growth", "retain_grad"))
    monkeypatch.setattr("sys.argv", ["gallery", "--to", str(tmp_path / "new" / "gallery.html")])
    PAGE.main()
    text = (tmp_path / "new" / "gallery.html").read_text(encoding="utf-8")
    assert text.count('gradlab.show("figure-') == 2
    for words in ("Can a gradient grow first", "Source: Trefethen", "WEIGHT = torch.tensor", "of 40 time steps"):
        assert words in text
    assert text.index("Can a gradient") < text.index("Does PyTorch show")
