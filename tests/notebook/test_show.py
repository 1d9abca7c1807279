"""What analyses and recorders look like in a notebook."""

from __future__ import annotations

import subprocess
import sys

import plotly.graph_objects as go
import pytest
import torch
from torch import nn

import gradlab
from gradlab.recording import presentation


def squared(output: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    return output[0].square().mean()


def test_an_analysis_shows_a_row_a_layer_and_a_figure() -> None:
    analysis = gradlab.analyse(nn.GRU(2, 3, num_layers=3), torch.randn(7, 2, 2), squared)
    html = analysis._repr_html_()
    assert html.count("<tr>") == 3
    assert f"loss {analysis.loss:.6g}" in html
    assert "closure error" in html
    assert 'class="plotly-graph-div"' in html
    assert '<script src="http' not in html
    assert repr(analysis).startswith("Analysis of GRU: loss")
    assert "timesteps (21)" in repr(analysis)


def test_the_figures_of_an_analysis() -> None:
    figures = gradlab.analyse(nn.RNN(2, 3), torch.randn(7, 2, 2), squared).figures
    assert "gradient_profile" in figures
    for figure in figures.values():
        assert isinstance(figure, go.Figure)
        assert len(figure.data)


def test_names_of_models_are_text() -> None:
    kind = type("<b>Odd</b>", (nn.GRU,), {})
    html = gradlab.analyse(kind(2, 3), torch.randn(7, 2, 2), squared)._repr_html_()
    assert "&lt;b&gt;Odd" in html
    assert "<b>Odd" not in html


def test_a_recorder_shows_what_it_has_so_far() -> None:
    model = nn.GRU(2, 3)
    with gradlab.watch(model, every=1) as recorder:
        assert recorder._repr_html_() == "<p>Nothing has been recorded yet.</p>"
        for step in range(3):
            loss = squared(model(torch.randn(7, 2, 2)))
            loss.backward()
            recorder.step(loss)
            model.zero_grad()
            if step == 1:
                assert "plotly-graph-div" in recorder._repr_html_()
    html = recorder._repr_html_()
    assert "training step 2" in html
    assert "plotly-graph-div" in html
    assert len(recorder.frame("steps")) == 3


def test_without_a_presenter_a_recorder_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presentation, "_presenters", [])
    with gradlab.watch(nn.GRU(2, 3)) as recorder:
        assert recorder._repr_html_() is None


def test_watching_imports_no_figures() -> None:
    code = (
        "import gradlab, sys; gradlab.watch; assert 'gradlab.recording' in sys.modules; print('plotly' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
