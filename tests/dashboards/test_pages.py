"""Every page on every store, without a browser: no exception, one sentence on top, figures where there is data."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from dashboards.components.findings import judged
from dashboards.pages import PAGES, PageEntry
from gradlab.figures.text import number_in_words
from gradlab.store import Store
from tests.dashboards.reading import Open, answer, charts, grids, notices, page_named, texts
from tests.dashboards.stores import LENGTH, MARKUP, STORES
from tests.figures.frames import DECAY

OVERVIEW, FLOW, SPECTRA, CLIPPING = map(page_named, ("overview", "gradient-flow", "spectra", "clipping"))


@pytest.mark.parametrize("entry", PAGES, ids=lambda entry: entry.address)
@pytest.mark.parametrize("store", STORES)
def test_no_page_fails_on_any_store(open_page: Open, store: str, entry: PageEntry) -> None:
    app = open_page(store, entry)
    assert not app.exception, app.exception
    assert app.title[0].value == entry.title
    if entry.draws_nets or entry.address == "new-study":
        assert answer(app).startswith(("In this net the gradient", "Change the study file"))
    elif store in ("empty", "missing"):
        assert "Nothing has been recorded here yet" in notices(app)
        assert "gradlab run" in app.code[0].value
    else:
        assert answer(app).endswith(".")


WITHOUT_FIGURES = {"text", "export", "new-study"}
"""On a study of images: nothing in it speaks, and the other two show no data of their own."""


@pytest.mark.parametrize(
    "entry", [page for page in PAGES if page.address not in WITHOUT_FIGURES], ids=lambda entry: entry.address
)
def test_full_store_shows_figures_with_table_and_download(open_page: Open, entry: PageEntry) -> None:
    app = open_page("full", entry, study="digits")
    drawn = app.get("plotly_chart")
    assert drawn
    assert all(chart.proto.alt for chart in drawn)
    assert len(app.get("download_button")) >= len(drawn)
    assert sum("How to read it" in text for text in texts(app)) >= len(drawn)
    assert not notices(app)


def test_overview_opens_with_the_finding_and_says_the_status_small(open_page: Open) -> None:
    """Reaches as on the page Gradient flow; every run of the store ends at 0.9."""
    app = open_page("full", OVERVIEW, study="digits", by="model.cell")
    assert f"reaches all {LENGTH - 1} steps back with lstm" in answer(app)
    assert "12 steps with rnn" in answer(app)
    assert "the final accuracy is 0.9 in all 3 groups, by chance 0.1" in answer(app)
    assert any("14 of 15 runs" in text or "13 of 15 runs" in text for text in texts(app))


def shown(decay: float) -> str:
    return number_in_words(float(f"{decay**LENGTH:.2g}"))


def test_spectra_answer_comes_from_the_data(open_page: Open) -> None:
    """The product's largest singular value after 64 steps is decay^64, at step 200 with 0.1 e^(−200/60) missing."""
    app = open_page("full", SPECTRA, study="digits", by="model.cell")
    decays = {cell: decay * (1 - 0.1 * np.exp(-200 / 60)) for cell, decay in DECAY.items()}
    assert f"At training step 200 the direction that is carried best is, over {LENGTH} steps" in answer(app)
    assert f"{shown(decays['lstm'])} with lstm" in answer(app)
    assert f"{shown(decays['rnn'])} with rnn" in answer(app)
    assert len(charts(app)) == 5


def test_spectra_page_says_which_keys_write_what_is_missing(open_page: Open) -> None:
    app = open_page("nonfinite", SPECTRA)
    assert "did not record lags, lyapunov or spectra" in notices(app)
    assert "preset: full" in app.code[0].value
    assert charts(app), "largest and smallest singular values are in every preset but light"


def test_flow_answer_comes_from_the_data(open_page: Open) -> None:
    """0.97^63 = 0.15 and 0.93^63 = 0.0103 stay above 1 %; 0.7^t falls below it after 12 steps."""
    app = open_page("full", FLOW, study="digits", by="model.cell")
    assert "At training step 290" in answer(app)
    assert f"all {LENGTH - 1} steps back with lstm" in answer(app)
    assert "12 steps with rnn" in answer(app)


def test_flow_draws_what_the_address_asks_for(open_page: Open) -> None:
    app = open_page("full", FLOW, study="digits", by="model.cell", step="100", run="lstmnorm1000")
    profile, heatmap = charts(app)
    assert {trace["name"] for trace in profile["data"] if trace.get("name")} >= {"rnn", "lstm", "gru"}
    assert "lstmnorm1000" in json.dumps(app.get("selectbox")[-1].proto.options[0]) or app.query_params["run"]
    assert heatmap["data"][0]["type"] == "heatmap"
    assert "At training step 100" in answer(app)


def test_selection_is_written_into_the_address_and_goes_along(open_page: Open) -> None:
    app = open_page("full", FLOW)
    chosen = next(box for box in app.selectbox if box.label == "Study")
    chosen.set_value("adding").run()
    assert app.query_params["study"] == "adding"
    app.switch_page(str(CLIPPING.path)).run()
    assert not app.exception
    assert app.query_params["study"] == "adding"


def test_address_typed_later_wins_over_an_earlier_choice(open_page: Open) -> None:
    app = open_page("full", FLOW, study="digits")
    app.query_params["study"] = "adding"
    app.run()
    assert next(box for box in app.selectbox if box.label == "Study").value == "adding"


@pytest.mark.parametrize("entry", [FLOW, CLIPPING], ids=lambda entry: entry.address)
def test_unknown_run_in_the_address(open_page: Open, entry: PageEntry) -> None:
    app = open_page("full", entry, study="digits", run="nosuchrun")
    assert not app.exception
    assert "There is no run “nosuchrun” here." in notices(app)
    box = next(box for box in app.selectbox if box.label == "Run")
    assert box.value is None
    before = len(charts(app))
    app = box.set_value("rnnnone00000").run()
    assert not app.exception
    assert not notices(app)
    assert len(charts(app)) > before


@pytest.mark.parametrize("entry", PAGES, ids=lambda entry: entry.address)
@pytest.mark.parametrize("names", [("study",), ("run", "step", "layer", "quantity", "by")], ids=",".join)
def test_nonsense_in_the_address(open_page: Open, entry: PageEntry, names: tuple[str, ...]) -> None:
    app = open_page("full", entry, **dict.fromkeys(names, "<b>nonsense</b>"))
    assert not app.exception
    assert not any("<b>nonsense" in text for text in texts(app))


def test_unknown_study_is_told(open_page: Open) -> None:
    app = open_page("full", OVERVIEW, study="nosuchstudy")
    assert "There is no study “nosuchstudy” here." in notices(app)


@pytest.mark.parametrize("entry", PAGES, ids=lambda entry: entry.address)
def test_nothing_stands_above_the_title(open_page: Open, entry: PageEntry) -> None:
    app = open_page("full", entry, study="digits")
    assert app.main[0].type == "title", "Streamlit writes a bare string of a page onto it"


@pytest.mark.parametrize("entry", [FLOW, CLIPPING], ids=lambda entry: entry.address)
def test_run_without_data_yet(open_page: Open, entry: PageEntry) -> None:
    app = open_page("just_begun", entry)
    assert "waiting for its first" in notices(app)
    assert not charts(app)


def test_half_written_run_is_shown_as_far_as_it_is(open_page: Open) -> None:
    app = open_page("half_written", OVERVIEW)
    assert answer(app) == "0 of 12 runs have finished; 2 are running and 10 have not started."
    assert charts(app)
    flow = open_page("half_written", FLOW)
    assert "At training step 30" in answer(flow)
    assert len(charts(flow)) == 2


def test_damaged_runs_are_named_and_the_rest_is_shown(open_page: Open) -> None:
    app = open_page("damaged", OVERVIEW)
    assert "could not be read" in notices(app)
    assert charts(app)


def test_overview_of_broken_runs_says_so_first(open_page: Open) -> None:
    app = open_page("nonfinite", OVERVIEW)
    assert answer(app).startswith("The gradient has become NaN or ∞ in rnn; the gradient is exactly zero in lstm")
    runs = next(table.value for table in app.dataframe if "course" in table.value.columns)
    assert all(np.isfinite(course).all() for course in runs["course"])


def test_damaged_run_is_not_called_well(open_page: Open) -> None:
    app = open_page("damaged", OVERVIEW)
    store = Store(os.environ["GRADLAB_STORE"])
    for run in store.runs():
        judged(store, run)
    app.run()
    runs = next(table.value for table in app.dataframe if "course" in table.value.columns)
    assert dict(zip(runs["run"], runs["finding"], strict=True))["rnnnone00000"] == "not judged"
    assert "none of its training steps can be read" in answer(
        open_page("damaged", page_named("run"), run="rnnnone00000")
    )


def test_nonfinite_gradients_are_said_and_marked(open_page: Open) -> None:
    app = open_page("nonfinite", FLOW)
    assert "not finite" in answer(app)
    assert "exactly zero" in answer(app)
    assert {"NaN", "exactly 0"} <= {trace.get("name") for trace in charts(app)[0]["data"]}
    clipping = open_page("nonfinite", CLIPPING)
    assert "NaN or ∞ in 2 of 3 runs" in answer(clipping)


@pytest.mark.parametrize("entry", PAGES, ids=lambda entry: entry.address)
def test_what_users_wrote_stays_text(open_page: Open, entry: PageEntry) -> None:
    app = open_page("odd_names", entry, study=MARKUP)
    assert not app.exception
    written = " ".join(texts(app))
    assert "<script>" not in written and "<b>" not in written
    assert not any(MARKUP in element.value for element in app.markdown)
    for chart in app.get("plotly_chart"):
        assert "<b>bold" not in chart.proto.spec and "u003cscript" not in chart.proto.spec


def test_run_outside_any_study(open_page: Open) -> None:
    app = open_page("odd_names", FLOW, study="")
    assert not app.exception
    assert len(charts(app)) == 2


def test_overview_says_of_every_run_how_it_goes(open_page: Open) -> None:
    app = open_page("full", OVERVIEW, study="digits")
    runs = next(table.value for table in app.dataframe if "course" in table.value.columns)
    assert len(runs) == 12
    assert all(len(course) == 40 for course in runs["course"])
    store = Store(os.environ["GRADLAB_STORE"])
    for run in store.runs("digits"):
        judged(store, run)
    runs = next(table.value for table in app.run().dataframe if "course" in table.value.columns)
    findings = dict(zip(runs["run"], runs["finding"], strict=True))
    assert "vanishing" in findings["rnnnone00000"]
    assert findings["lstmnone0000"] == "well"


def test_overview_says_which_claims_held(open_page: Open, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    verdict = {"claim": "an <b>LSTM</b> learns it", "verdict": "held", "told": "0.9 against 0.1"}
    store.write_study("s", claims=["an <b>LSTM</b> learns it", "so does an RNN"], facts={"verdicts": [verdict]})
    store.writer("r", "s").close("finished")
    app = open_page(tmp_path / "store", OVERVIEW)
    assert any(fold.label == "2 claims: 1 held, 1 not yet decided" for fold in app.expander)
    assert any("Held: an &lt;b&gt;LSTM&lt;/b&gt; learns it (0.9 against 0.1)" in text for text in texts(app))


def test_clipping_says_what_came_of_it(open_page: Open) -> None:
    """Every run of the store ends at 0.9."""
    app = open_page("full", CLIPPING, study="digits", by="clipping.name")
    head, rows = next(grid for grid in grids(app) if grid[0][:2] == ["group", "runs"])
    assert head == ["group", "runs", "median", "10 %", "90 %"]
    assert {row[0]: row[1:] for row in rows} == {name: ["6", "0.9", "0.9", "0.9"] for name in ("no clipping", "norm")}
