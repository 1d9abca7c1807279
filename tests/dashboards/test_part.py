"""Of very many runs a page reads a part, says so, and shows the others when asked."""

import pytest

from dashboards.components import choices
from tests.dashboards.reading import Open, page_named, texts
from tests.dashboards.stores import grid

PART = 6


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if more than six runs were too many."""
    monkeypatch.setattr(choices, "DRAWN", PART)


@pytest.mark.parametrize("address", ["overview", "vanishing", "spectra", "clipping"])
def test_an_answer_from_a_part_says_so(open_page: Open, address: str) -> None:
    app = open_page("full", page_named(address), study="digits")
    assert not app.exception, app.exception
    told = [text for text in texts(app) if "gradlab-answer" in text or "of 12 runs" in text]
    assert "This is about 6 of 12 runs" in told[1]
    assert app.selectbox(key="choice:part").options == ["6 of 12, evenly picked", "1–6", "7–12"]


def test_every_run_can_be_reached(open_page: Open) -> None:
    """The runs to choose from are those of the part, in the order of the grid."""
    runs = list(grid())
    app = open_page("full", page_named("exploding"), study="digits", part="7-12")
    assert [option.partition("(")[2][:8] for option in app.selectbox(key="choice:run").options] == [
        run[:8] for run in runs[6:]
    ]
