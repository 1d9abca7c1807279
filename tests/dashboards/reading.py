"""What a test reads on a page: its answer, its notices, its charts."""

import json
from collections.abc import Callable
from typing import Any

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


def notices(app: AppTest) -> str:
    return " ".join(text for text in texts(app) if "gradlab-notice" in text)


def charts(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
