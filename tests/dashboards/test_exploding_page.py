"""The page Exploding: what broke first, where, and the steps before."""

from tests.dashboards.reading import Open, advice, answer, charts, grid, page_named

EXPLODING = page_named("exploding")


def test_first_number_that_is_none_is_named_and_its_neighbourhood_shown(open_page: Open) -> None:
    app = open_page("nonfinite", EXPLODING, run="rnnnone00000")
    assert "of 2 of 3 runs became NaN or ∞, first at training step 0" in answer(app)
    rows = grid(app, "step")
    assert list(rows) == [str(step) for step in range(55, 64)]
    assert rows["61"][-1] == "gradient at h of rnn, layer 0, time step 8" and rows["61"][:2] == ["NaN", "NaN"]
    assert "at training step 61. What would help: Lower the learning rate" in advice(app)
    heatmap = charts(app)[-1]
    assert "∞" in {trace.get("name") for trace in heatmap["data"]}, "step 60 is among the steps shown, 65 is not"


def test_where_it_begins_follows_the_chosen_step(open_page: Open) -> None:
    app = open_page("full", EXPLODING, study="digits", run="grunorm00000", at="100")
    spikes, layers, lags, weights = charts(app)
    assert {"layer 0", "layer 1"} <= {trace.get("name") for trace in layers["data"]}
    assert "spike" in {trace.get("name") for trace in spikes["data"]}
    assert any("weight_hh" in str(trace.get("name")) for trace in weights["data"])
    assert "lag" in lags["layout"]["xaxis2"]["title"]["text"], "products of Jacobians, as they were recorded"
    assert app.query_params["at"] == ["100"] or app.query_params["at"] == "100"
