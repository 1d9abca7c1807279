"""The page Run: a run that grows, ends, or failed, and what was found in it."""

from pathlib import Path

import pytest

from gradlab.store import Store
from tests.dashboards.reading import Open, answer, charts, notices, page_named, texts
from tests.dashboards.stores import grid
from tests.figures.frames import steps_columns

RUN = page_named("run")


def test_findings_and_settings_of_a_run(open_page: Open) -> None:
    """0.7^t falls below a hundredth within 12 steps; the task needs 63."""
    app = open_page("full", RUN, study="digits", run="rnnnone00000")
    assert "has finished after 300 steps" in answer(app)
    assert "the task needs 63" in answer(app)
    assert any("vanishes" in fold.label for fold in app.expander)
    assert any("rnn" in table.value.astype(str).to_numpy() for table in app.dataframe)
    assert not app.toggle, "there is nothing live in a run that has ended"


def test_run_grows_and_ends_under_the_readers_eyes(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "store")
    run, settings = next(iter(grid().items()))
    columns = steps_columns(300, 0)
    with store.writer(run, "live", config={**settings, "training": {"steps": 300}}) as writer:
        writer.write("steps", {name: values[:50] for name, values in columns.items()})
        writer.flush()
        app = open_page(tmp_path / "store", RUN)
        assert "is training after 50 of 300 steps" in answer(app)
        assert app.toggle[0].value

        writer.write("steps", {name: values[50:120] for name, values in columns.items()})
        writer.flush()
        app.run()
        assert "is training after 120 of 300 steps" in answer(app)
        assert all(chart["layout"]["uirevision"] == run for chart in charts(app)), "the zoom must outlive new data"
        app.toggle[0].set_value(False).run()
        assert "is training" in answer(app)
    app.run()
    assert "has finished after 120 steps" in answer(app)


def test_failed_run_says_why(open_page: Open, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    writer = store.writer("r", "", config={"seed": 0})
    writer.annotate(traceback="Traceback …\nValueError: <b>no</b>")
    writer.close("failed")
    app = open_page(tmp_path / "store", RUN)
    assert answer(app) == "This run failed; it has recorded no training step yet."
    assert "no training step of this run" in notices(app)
    assert any("ValueError" in code.value for code in app.code)
    assert not any("<b>" in text for text in texts(app))
