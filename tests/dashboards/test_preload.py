"""What the browser is told to fetch before it needs it."""

import json
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from gradlab.cli.preload import Preload, links

STATIC = Path(st.__file__).with_name("static")


def test_this_streamlit_has_the_program_that_draws() -> None:
    """An upgrade that calls it otherwise makes figures slower, and nothing else: here it is noticed."""
    found = links(STATIC).split(">")[0].removeprefix("</")
    assert "PlotlyChart" in found and (STATIC / found).stat().st_size > 1_000_000


def test_only_what_the_page_does_not_name_itself_is_named(tmp_path: Path) -> None:
    listed = {
        "index.html": {"file": "js/index.js", "imports": ["_shared.js"]},
        "_shared.js": {"file": "js/shared.js"},
        "_deep.js": {"file": "js/deep.js", "imports": ["_own.js"]},
        "_own.js": {"file": "js/own.js", "imports": ["_deep.js", "index.html"]},
        "Plot.tsx": {"file": "js/plot.js", "name": "PlotlyChart", "imports": ["_shared.js", "_own.js"]},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(listed))
    named = [each.split(">")[0].removeprefix("</") for each in links(tmp_path).split(", ")]
    assert named == ["js/plot.js", "js/own.js", "js/deep.js"]


@pytest.mark.parametrize("text", [None, "", "[]", "{"])
def test_without_a_list_nothing_is_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    assert links(tmp_path) == ""


@pytest.mark.parametrize(("kind", "told"), [(b"text/html; charset=utf-8", True), (b"text/javascript", False)])
def test_only_pages_are_told(kind: bytes, told: bool) -> None:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": b"x"})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {}

    # nothing in it waits: a loop of events would get into the way of the browser's
    with pytest.raises(StopIteration):
        Preload(app, "</a.js>; rel=modulepreload")({"type": "http"}, receive, send).send(None)
    assert ((b"link", b"</a.js>; rel=modulepreload") in sent[0]["headers"]) is told
    assert sent[1]["body"] == b"x"
