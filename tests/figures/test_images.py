"""Images are what they say they are, hold the figure's words, and are made without a request to anywhere."""

import importlib.util
import os
import shutil
import struct
import sys
import threading
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from gradlab.errors import UnsupportedError
from gradlab.figures import Curve, chart, gradient_by_lag, images, write_image
from gradlab.figures.theme import ThemeName
from tests.figures.frames import timesteps_columns

PAPER: dict[ThemeName, tuple[int, ...]] = {"light": (255, 255, 255), "dark": (14, 17, 23)}


@pytest.fixture(scope="module")
def drawn() -> go.Figure:
    return gradient_by_lag(pd.DataFrame(timesteps_columns([0], 30, 0.8)))


@pytest.fixture(scope="module")
def can_draw() -> Iterator[None]:
    """Skips without a browser, or fails where it is required; ends the one that was started."""
    if lacking := images.what_is_missing():
        if os.environ.get("GRADLAB_REQUIRE_BROWSER") == "1":
            pytest.fail(lacking)
        pytest.skip(lacking)
    yield
    images.stop()


def pixels(png: bytes) -> np.ndarray:
    """The first row of a PNG of 8 bits a channel, `column channel`."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    place, data, width, channels = 8, b"", 0, 0
    while place < len(png):
        (length,), kind = struct.unpack(">I", png[place : place + 4]), png[place + 4 : place + 8]
        content = png[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            width, _, depth, colour = struct.unpack(">IIBB", content[:10])
            assert depth == 8
            channels = {2: 3, 6: 4}[colour]
        data += content if kind == b"IDAT" else b""
        place += 12 + length
    row = zlib.decompress(data)[1 : 1 + width * channels]
    return np.frombuffer(row, np.uint8).reshape(width, channels)


@pytest.mark.browser
@pytest.mark.usefixtures("can_draw")
class TestImages:
    def test_each_kind_is_what_it_says(self, drawn: go.Figure, tmp_path: Path) -> None:
        path = write_image(drawn, tmp_path / "new" / "figure.PNG", width=600, height=400, scale=1.5)
        assert struct.unpack(">II", path.read_bytes()[16:24]) == (900, 600)

        root = ElementTree.fromstring(write_image(drawn, tmp_path / "figure.svg").read_text(encoding="utf-8"))
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert (root.get("width"), root.get("height")) == ("1200", "500")
        words = " ".join("".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text"))
        for said in ("What is left of the gradient", "lag (steps back from the end)", "a hundredth of the largest"):
            assert said in words

        image = write_image(drawn, tmp_path / "figure.pdf").read_bytes()
        assert image.startswith(b"%PDF-") and image.rstrip().endswith(b"%%EOF")
        assert image.count(b"/Type /Page\n") == 1

        for theme, paper in PAPER.items():
            figure = chart([Curve("one", [1], [1])], title="t", x="x", y="y", theme=theme)
            image = images.image_bytes(figure, "png", scale=1)
            assert {tuple(pixel[:3]) for pixel in pixels(image)[:20]} == {paper}

    def test_nobody_is_asked_for_anything(self, drawn: go.Figure) -> None:
        """Not even where a figure names an address: the server there hears nothing."""
        heard: list[str] = []

        class Listening(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heard.append(self.path)
                self.send_error(404)

        with HTTPServer(("127.0.0.1", 0), Listening) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"http://127.0.0.1:{server.server_port}"
            image = {"source": f"{address}/image.png", "sizex": 1, "sizey": 1}
            asking = go.Figure(drawn).add_layout_image(image)
            asking.add_annotation(text=f"$x^2$ <a href='{address}/link'>link</a>")
            images.image_bytes(asking, "png", scale=1)
            assert heard == []
            with pytest.raises(HTTPError):
                urlopen(f"{address}/heard", timeout=5).close()
            assert heard == ["/heard"], "it would have heard"
            server.shutdown()


@pytest.mark.skipif(importlib.util.find_spec("kaleido") is None, reason="needs kaleido")
def test_a_browser_that_does_not_start_is_told(drawn: go.Figure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", shutil.which("true") or "")
    monkeypatch.setattr(images, "_painters", {})
    before = threading.active_count()
    with pytest.raises(UnsupportedError, match="true to start and draw"):
        images.image_bytes(drawn, "png")
    assert not images._painters and threading.active_count() <= before + 1


def test_other_endings_are_told(drawn: go.Figure) -> None:
    with pytest.raises(ValueError, match=r"\.png, \.svg, \.pdf, got 'figure\.gif'"):
        write_image(drawn, "figure.gif")
    with pytest.raises(ValueError, match="png, svg, pdf"):
        images.image_bytes(drawn, "gif")  # type: ignore[arg-type]


def test_what_to_install_is_told(drawn: go.Figure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    with pytest.raises(UnsupportedError, match=r"apt-get install .*chromium"):
        write_image(drawn, tmp_path / "figure.png")
    monkeypatch.setitem(sys.modules, "kaleido", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UnsupportedError, match=r"gradlab-dynamics\[images\]"):
        write_image(drawn, tmp_path / "figure.png")
    assert not list(tmp_path.iterdir())
