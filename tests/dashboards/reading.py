"""What a test reads on a page: its answer, its notices, its charts."""

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from streamlit.testing.v1 import AppTest

from dashboards.pages import PAGES, PageEntry

Open = Callable[..., AppTest]


def page_named(address: str) -> PageEntry:
    """The page by the last part of its address."""
    return next(page for page in PAGES if page.address == address)


def texts(app: AppTest) -> list[str]:
    """All that is written by `write_text` and its relatives, as HTML."""
    bodies = [element.proto.body for element in app.get("html")]
    return [body for body in bodies if "<style>" not in body]


def answer(app: AppTest) -> str:
    """The one sentence that the page opens with."""
    found = [text for text in texts(app) if "gradlab-answer" in text]
    assert len(found) == 1, f"expected one answer, got {found}"
    return found[0].removeprefix('<p class="gradlab-answer">').removesuffix("</p>")


def advice(app: AppTest) -> str:
    """What would help; empty where nothing is said of it."""
    return " ".join(text for text in texts(app) if "gradlab-help" in text)


def notices(app: AppTest) -> str:
    return " ".join(text for text in texts(app) if "gradlab-notice" in text)


def charts(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def grids(app: AppTest) -> list[tuple[list[str], list[list[str]]]]:
    """Heads and rows of every small table that `write_grid` wrote."""
    found = []
    for text in texts(app):
        if "gradlab-grid" in text:
            table = ElementTree.fromstring(text)
            rows = [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]
            found.append((rows[0], rows[1:]))
    return found


def grid(app: AppTest, first: str) -> dict[str, list[str]]:
    """The table whose first column is called so: the name of a row → its other cells."""
    return {name: cells for head, rows in grids(app) if head[0] == first for name, *cells in rows}
