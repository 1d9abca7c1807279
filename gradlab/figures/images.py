"""Figures as images, PNG, SVG or PDF, by kaleido and the chromium that is installed; no request leaves the machine."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import importlib.util
import os
import shutil
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Literal, get_args

import plotly
import plotly.graph_objects as go

from gradlab.errors import UnsupportedError
from gradlab.figures.theme import theme_of

ImageFormat = Literal["png", "svg", "pdf"]
FORMATS: tuple[ImageFormat, ...] = get_args(ImageFormat)
WIDTH, HEIGHT = 1200, 500
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""Programs that can draw, in the order in which they are looked for; `BROWSER_PATH` names another."""

_PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
_POLICY = """<meta http-equiv="Content-Security-Policy"
content="default-src 'none'; script-src file: 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:">"""
SECONDS = 120
"""So long a browser may take to start, or to draw one figure."""

_lock = threading.Lock()
_painters: dict[int, Painter] = {}
"""The browser of this process, by its id: a fork of it has none."""


def write_image(
    figure: go.Figure,
    path: str | os.PathLike[str],
    *,
    width: int = WIDTH,
    height: int | None = None,
    scale: float = 2.0,
) -> Path:
    """Write a figure as an image, on the paper that its theme is made for.

    The first image starts a browser, which takes about a second and stays for the next ones until Python ends.

    Args:
        figure: any plotly figure.
        path: its ending says which: `.png`, `.svg` or `.pdf`. The folder is made where it is missing.
        width: in pixels of the layout.
        height: likewise; the figure's own when not given.
        scale: pixels of a PNG for each of the layout.

    Returns:
        The path.

    Raises:
        ValueError: for another ending.
        UnsupportedError: when kaleido or a browser is missing; says what to install.
    """
    target = Path(path)
    kind = target.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise ValueError(f"expected a file that ends in .{', .'.join(FORMATS)}, got {target.name!r}")
    image = image_bytes(figure, kind, width=width, height=height, scale=scale)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(image)
    return target


def image_bytes(
    figure: go.Figure, kind: ImageFormat, *, width: int = WIDTH, height: int | None = None, scale: float = 2.0
) -> bytes:
    """The same as bytes; arguments and errors as in `write_image`."""
    if kind not in FORMATS:
        raise ValueError(f"expected one of {', '.join(FORMATS)}, got {kind!r}")
    if lacking := what_is_missing():
        raise UnsupportedError(lacking)
    paper = theme_of(figure).page
    # plotly's paper is transparent in gradlab's themes; an image lies on who knows what
    page = go.Figure(figure).update_layout(paper_bgcolor=paper, plot_bgcolor=paper)
    size = {"width": width, "height": height or figure.layout.height or HEIGHT}
    with _lock:
        painter = _painters.get(os.getpid()) or _painters.setdefault(os.getpid(), Painter())
        try:
            return painter.paint(page.to_dict(), {"format": kind, "scale": scale if kind == "png" else 1, **size})
        except BaseException:
            # whatever state it is in now, the next image starts another
            _painters.pop(os.getpid()).close()
            raise


def stop() -> None:
    """End the browser that draws, if there is one; the next image starts another."""
    with _lock:
        painter = _painters.pop(os.getpid(), None)
        if painter is not None:
            painter.close()


def what_is_missing() -> str:
    """What keeps images from being made on this machine, and what to install; empty where nothing does."""
    if importlib.util.find_spec("kaleido") is None:
        return "images need the package kaleido: pip install 'gradlab-dynamics[images]'"
    if browser() is None:
        return (
            f"images need a browser, expected one of {', '.join(BROWSERS)} on the path, found none: "
            "apt-get install --no-install-recommends chromium fonts-dejavu-core, or name one in BROWSER_PATH"
        )
    return ""


def browser() -> str | None:
    """The program that draws, or None."""
    named = os.environ.get("BROWSER_PATH")
    return named if named and Path(named).is_file() else next(filter(None, map(shutil.which, BROWSERS)), None)


class Painter:
    """A browser that waits for figures in a thread of its own, so that it does not matter who else runs a loop here.

    Its page holds plotly's own program and no MathJax, and may load nothing that is not a file of this machine.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gradlab images", daemon=True)
        self._thread.start()
        self._kaleido: Any = None
        atexit.register(self.close)
        try:
            self._kaleido = self._wait(self._opened())
        except Exception as error:
            self.close()
            told = f"expected {browser()} to start and draw, it did not: {error or type(error).__name__}"
            raise UnsupportedError(f"{told}; name another browser in BROWSER_PATH") from error

    def paint(self, figure: dict[str, Any], options: dict[str, Any]) -> bytes:
        """The image of a figure, as plotly's dictionary; kaleido's options."""
        image: bytes = self._wait(self._kaleido.calc_fig(figure, opts=options))
        return image

    def close(self) -> None:
        """End the browser; a second time does nothing."""
        atexit.unregister(self.close)
        if self._loop.is_running():
            with contextlib.suppress(Exception):
                self._wait(self._kaleido.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(SECONDS)
            self._loop.close()

    async def _opened(self) -> Any:
        import kaleido

        page = kaleido.PageGenerator(plotly=(_PLOTLY.as_uri(), "utf-8"), mathjax=False)
        page.header = page.header + _POLICY
        # nor does the browser itself get anywhere
        return await kaleido.Kaleido(
            n=1, timeout=SECONDS, page_generator=page, path=browser(), proxy_server="http://127.0.0.1:1"
        )

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)
