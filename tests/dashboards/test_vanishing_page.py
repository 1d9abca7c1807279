"""The page Vanishing: its sentence comes from the data, and its choices reach the figures."""

import pytest

from dashboards.components import findings
from tests.dashboards.reading import Open, advice, answer, charts, notices, page_named
from tests.dashboards.stores import LENGTH

VANISHING = page_named("vanishing")


def test_says_which_cells_do_not_reach_what_the_task_demands(open_page: Open) -> None:
    """At step 290 0.9293^63 = 0.0098 is just below 1 %, 0.97^63 far above; 0.7^t falls below it after 12 steps."""
    app = open_page("full", VANISHING, study="digits", by="model.cell")
    assert f"vanishes in 2 of 3 groups before the {LENGTH - 1} steps that the task demands" in answer(app)
    assert "it reaches back 12 steps with rnn and 62 steps with gru" in answer(app)
    assert '"gradlab-help">rnn · no clipping · seed 0' in advice(app)
    assert "the task needs 63 (layer 0). What would help:" in advice(app)
    by_lag, horizon = charts(app)
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
