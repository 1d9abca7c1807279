"""The page Vanishing: its sentence comes from the data, and its choices reach the figures."""

import pytest

from dashboards.components import findings
from tests.dashboards.reading import Open, advice, answer, charts, notices, page_named, texts
from tests.dashboards.stores import LENGTH

VANISHING = page_named("vanishing")


def test_says_which_cells_do_not_reach_what_the_task_demands(open_page: Open) -> None:
    """At step 290 0.9293^62 is just above 1 %: near enough; 0.97^63 far above; 0.7^t falls below after 12."""
    app = open_page("full", VANISHING, study="digits", by="model.cell")
    assert f"vanishes in 1 of 3 groups before the {LENGTH - 1} steps that the task demands" in answer(app)
    assert "it reaches back 12 steps with rnn." in answer(app)
    assert '"gradlab-help">rnn · no clipping · seed 0' in advice(app)
    assert "the task needs 63 (layer 0). What would help:" in advice(app)
    by_lag, horizon, *_ = charts(app)
    assert {trace.get("name") for trace in by_lag["data"]} >= {"rnn", "lstm", "gru"}
    assert any("the task needs" in note["text"] for note in by_lag["layout"]["annotations"])
    assert any("the task demands" in note["text"] for note in horizon["layout"]["annotations"])


def test_large_run_is_judged_when_asked(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "UNASKED", 100)
    findings._verdicts.clear()
    app = open_page("full", VANISHING, study="digits", by="model.cell")
    assert not advice(app)
    app = next(button for button in app.button if button.label == "What would help?").click().run()
    assert "What would help:" in advice(app)
    assert not [button for button in app.run().button if button.label == "What would help?"], "it is known now"


def test_gradient_that_nobody_recorded(open_page: Open) -> None:
    app = open_page("full", VANISHING, study="digits", gradient="weight_gradient_norm")
    assert "Choose another gradient" in notices(app)
    cells = open_page("full", VANISHING, study="digits", gradient="grad_c", by="model.cell")
    assert "rnn" not in answer(cells), "an RNN has no cell state"


def test_zero_and_nan_are_said(open_page: Open) -> None:
    app = open_page("nonfinite", VANISHING)
    assert "exactly zero in lstm" in answer(app)
    assert "not finite in" in answer(app)


def test_who_teaches_whom_in_the_run_that_reaches_least_far(open_page: Open) -> None:
    """0.7^t of the RNN is 1 % after 12 steps; step 200 is the recorded one nearest to 240."""
    app = open_page("full", VANISHING, study="digits", step="240")
    *_, flow, teaching = charts(app)
    assert next(box for box in app.selectbox if box.label == "Run").value.startswith("rnn")
    assert flow["layout"]["yaxis"]["title"]["text"] == "training step"
    assert teaching["layout"]["yaxis"]["title"]["text"] == "loss time s"
    assert len(flow["data"][0]["y"]["bdata"]) and teaching["data"][0]["type"] == "heatmap"
    assert any("At training step 200, what the loss at time 63 sends back falls below 1 %" in t for t in texts(app))
    assert not notices(app)


def test_another_run_and_layer_can_be_looked_at(open_page: Open) -> None:
    app = open_page("full", VANISHING, study="digits", run="lstmnone0000", by="model.cell")
    assert any("is still at least 1 % at the far end, 63 steps away" in text for text in texts(app))
    layer = open_page("full", VANISHING, study="digits", run="grunone00000", layer="1")
    assert len(charts(layer)) == 3 and "No loss was followed back through this part" in notices(layer)


def test_what_was_not_recorded_is_said_with_the_key(open_page: Open) -> None:
    app = open_page("odd_names", VANISHING)
    assert "did not record which loss teaches which step" in notices(app)
    assert any("tables: [teaching]" in block.value for block in app.code)
    assert len(charts(app)) == 3


@pytest.mark.parametrize(
    ("run", "mark"), [("rnnnone00000", "∞"), ("lstmnone0000", "exactly 0"), ("grunone00000", "NaN")]
)
def test_losses_that_are_no_numbers_are_marked(open_page: Open, run: str, mark: str) -> None:
    app = open_page("nonfinite", VANISHING, run=run)
    assert mark in {trace.get("name") for trace in charts(app)[-1]["data"]}
    told = {"∞": "is NaN or ∞ at 16 of 30", "NaN": "is NaN or ∞ at 30 of 30", "exactly 0": "At training step 50."}
    assert any(told[mark] in text for text in texts(app))
