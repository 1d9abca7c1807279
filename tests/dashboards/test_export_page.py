"""The page Export, and the files that it gives: what is in them is what is in the store."""

import io
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from dashboards.components.figure import with_title
from dashboards.components.files import FORMATS, as_html, study_report, study_workbook, table_of_study
from gradlab import figures, reports
from gradlab.figures.images import what_is_missing
from gradlab.store import Store
from tests.dashboards.reading import Open, answer, charts, page_named
from tests.dashboards.stores import MARKUP
from tests.figures.frames import steps_frame

EXPORT = page_named("export")


def read(data: bytes, ending: str) -> pd.DataFrame:
    if ending == "csv":
        return pd.read_csv(io.BytesIO(data))
    return pd.read_parquet(io.BytesIO(data)) if ending == "parquet" else pd.read_excel(io.BytesIO(data))


@pytest.mark.parametrize("ending", FORMATS)
def test_table_is_whole_in_every_format(ending: str, store_path: Callable[[str], Path]) -> None:
    store = Store(store_path("full"))
    frame = read(table_of_study(store, "adding", "steps", ending), ending)  # type: ignore[arg-type]
    expected = reports.load(store, "steps", study="adding")
    assert frame["run"].tolist() == expected["run"].tolist()
    pd.testing.assert_series_equal(frame["loss"], expected["loss"], check_exact=False)
    assert "seed" in frame.columns, "settings that vary stand in front"


def test_workbook_holds_no_formula(store_path: Callable[[str], Path]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(study_workbook(Store(store_path("odd_names")), MARKUP)))
    assert {"runs", "steps", "timesteps"} <= set(book.sheetnames)
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds


def test_figure_as_html_needs_no_network() -> None:
    page = as_html(figures.learning_curves(steps_frame())).decode()
    assert "Plotly.newPlot" in page
    assert '<script src="http' not in page and "https://cdn" not in page.split("Plotly.newPlot")[-1]


def test_report_has_its_figures_unless_there_are_too_many_runs(
    store_path: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(store_path("full"))
    page = study_report(store, "adding", "html").decode()
    assert page.count('gradlab.show("figure-') >= 5
    monkeypatch.setattr("dashboards.components.files.RUNS_DRAWN", 0)
    assert len(study_report(store, "adding", "html")) < len(page) / 10


def test_figure_that_is_taken_along_says_what_it_is() -> None:
    """On the page its heading does; and what the page shows stays as it is."""
    drawn = figures.learning_curves(steps_frame())
    title = drawn.layout.title.text
    drawn.update_layout(title_text=None, margin_t=16)
    alone = with_title(drawn, title)
    assert alone.layout.title.text == title and alone.layout.margin.t is None
    assert drawn.layout.title.text is None and drawn.layout.margin.t == 16


def test_page_offers_every_table_and_draws_a_figure(open_page: Open) -> None:
    app = open_page("full", EXPORT, study="digits", figure="lags")
    assert "of 12 runs can be taken along" in answer(app)
    names = [element.proto.label for element in app.get("download_button")]
    assert names.count("CSV") == names.count("Parquet") == names.count("Excel") >= 7
    assert {"All tables as one Excel workbook", "The report as Markdown", "Figure as HTML"} <= set(names)
    if not what_is_missing():
        assert {"Figure as PNG", "Figure as SVG", "Figure as PDF"} <= set(names)
    assert len(charts(app)) == 1
