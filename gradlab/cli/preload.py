"""Tells the browser with the page itself to fetch plotly.js, so that it is there before the first figure is.

Streamlit's pages ask for it only when a figure arrives: its 5 MB would be fetched and compiled while the reader waits,
and not while the server reads the store.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PROGRAMS = ("PlotlyChart", "Html")
"""Streamlit's programs that draw a figure, and a sentence: the answer and what stands below it."""


class Preload:
    """Middleware of a server: names programs in the head of every page.

    Args:
        app: the server.
        links: what `links` gives.
    """

    def __init__(self, app: ASGIApp, links: str) -> None:
        self._app = app
        self._links = links.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or not self._links:
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_page(message):
                message = {**message, "headers": [*message["headers"], (b"link", self._links)]}
            await send(message)

        await self._app(scope, receive, told)


def _is_page(message: MutableMapping[str, Any]) -> bool:
    kind: bytes = dict(message["headers"]).get(b"content-type", b"")
    return kind.startswith(b"text/html")


def links(static: Path) -> str:
    """The head's line: each program with the parts that it is made of; empty where this Streamlit has none of the name.

    Args:
        static: folder of Streamlit's `index.html`.
    """
    listed = _listed(static)
    # what the page itself names is on its way already
    named = set(_with_parts(listed, ["index.html"]))
    asked = [key for name in PROGRAMS for key, entry in listed.items() if entry.get("name") == name]
    files = (listed[key]["file"] for key in _with_parts(listed, asked) if key not in named)
    return ", ".join(f"</{file}>; rel=modulepreload; crossorigin" for file in files)


def _listed(static: Path) -> dict[str, Any]:
    """Vite's manifest of the page: source → file, name, imports; empty where there is none."""
    try:
        listed = json.loads((static / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return listed if isinstance(listed, dict) else {}


def _with_parts(listed: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """The entries of Vite's manifest and all that they import, each once."""
    found: dict[str, None] = {}
    waiting = [key for key in keys if key in listed]
    while waiting:
        key = waiting.pop(0)
        if key not in found:
            found[key] = None
            waiting += listed[key].get("imports", ())
    return list(found)
