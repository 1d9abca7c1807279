"""The dashboard in a real browser: every page, wide and narrow, light and dark, on stores in every state.

Fails on an exception, an error in the console, or a request that leaves this machine. `GRADLAB_SHOTS=folder`
keeps a screenshot of every view; `GRADLAB_REQUIRE_BROWSER=1` turns a missing browser into a failure.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from dashboards.pages import PAGES, PageEntry
from tests.dashboards.stores import MARKUP, STORES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

WIDE, NARROW = (1440, 900), (400, 860)
VIEWS = [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")]


@pytest.fixture(scope="session")
def server(store_path: Callable[[str], Path]) -> Iterator[Callable[[str], str]]:
    """Serves a store as `gradlab dashboard` does, one at a time; gives its address."""
    running: dict[str, tuple[subprocess.Popen[bytes], str]] = {}

    def stop() -> None:
        for process, _ in running.values():
            process.terminate()
            process.wait(20)
        running.clear()

    def serve(store: str) -> str:
        if store not in running:
            stop()
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            code = "import sys; from gradlab.cli.dashboard import serve; serve(sys.argv[1], int(sys.argv[2]), False)"
            process = subprocess.Popen(
                [sys.executable, "-c", code, str(store_path(store)), str(port)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            running[store] = process, f"http://127.0.0.1:{port}"
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
        return running[store][1]

    yield serve
    stop()


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        try:
            with urllib.request.urlopen(address, timeout=5) as reply:
                if reply.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the server did not answer within a minute")


class View:
    """One page in one window, with everything that went wrong in it."""

    def __init__(self, browser: "Browser", size: tuple[int, int], scheme: Any) -> None:
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, accept_downloads=True
        )
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self._note(True, f"exception: {error}"))
        self.page.on("request", lambda request: self._note(_leaves(request.url), f"left this machine: {request.url}"))

    def _note(self, bad: bool, what: str) -> None:
        if bad:
            self.faults.append(what)

    def _note_console(self, message: "ConsoleMessage") -> None:
        # Streamlit's page tries two places for its server when it is opened at a page's own address; one is
        # wrong
        probe = urlsplit(message.location.get("url", "")).path.endswith(("/_stcore/health", "/_stcore/host-config"))
        self._note(message.type in ("error", "assert") and not probe, f"console: {message.text}")

    def open(self, address: str) -> None:
        self.page.goto(address)
        self.settle()

    def settle(self) -> None:
        """Wait until the script has run and every chart is drawn."""
        self.page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=60_000)
        self.page.wait_for_selector("h1")
        self.page.wait_for_timeout(400)
        self.page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=60_000)
        for chart in self.page.locator('[data-testid="stPlotlyChart"]').all():
            chart.locator(".main-svg").first.wait_for(state="attached", timeout=60_000)

    def check(self) -> None:
        assert not self.faults, "\n".join(self.faults)
        assert not self.page.locator('[data-testid="stException"]').count()
        for chart in self.page.locator('[data-testid="stPlotlyChart"]').all():
            words = chart.get_attribute("aria-label") or ""
            assert chart.get_attribute("role") == "figure" and len(words) > 10, (
                "a chart says nothing to a screen reader"
            )
            drawn = chart.locator(".trace, .hm, .bars, .annotation-text").count()
            assert drawn > 0, f"a chart is blank: {words}"

    def keep(self, name: str) -> None:
        folder = os.environ.get("GRADLAB_SHOTS")
        if not folder:
            return
        # Streamlit scrolls inside the page: a window as tall as its contents shows all of them
        size = self.page.viewport_size or {"width": 0, "height": 0}
        height = self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        self.page.set_viewport_size({"width": size["width"], "height": int(height) + 20})
        self.page.wait_for_timeout(700)
        self.page.screenshot(path=str(Path(folder) / f"{name}.png"))


def _leaves(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1"


def page_address(base: str, entry: PageEntry) -> str:
    return base if entry is PAGES[0] else f"{base}/{entry.address}"


@pytest.fixture
def view(browser: "Browser") -> Iterator[Callable[..., View]]:
    opened: list[View] = []

    def new(size: tuple[int, int] = WIDE, scheme: str = "light") -> View:
        opened.append(View(browser, size, scheme))
        return opened[-1]

    yield new
    for each in opened:
        each.context.close()


def in_turn(values: Sequence[Any]) -> list[Any]:
    """Every page with every value; by default each page with one of them, the others are slow."""
    return [
        pytest.param(entry, value, id=f"{entry.address}-{value}", marks=() if at == place else pytest.mark.slow)
        for number, entry in enumerate(PAGES)
        for place in [number % len(values)]
        for at, value in enumerate(values)
    ]


@pytest.mark.parametrize(("entry", "look"), in_turn(VIEWS))
def test_full_store(
    view: Callable[..., View],
    server: Callable[[str], str],
    entry: PageEntry,
    look: tuple[tuple[int, int], str],
) -> None:
    size, scheme = look
    here = view(size, scheme)
    here.open(page_address(server("full"), entry) + "?study=digits")
    here.keep(f"full-{entry.address}-{size[0]}-{scheme}")
    here.check()
    overflow = here.page.evaluate(
        "() => document.querySelector('[data-testid=stMain]').scrollWidth > window.innerWidth + 1"
    )
    assert not overflow, "the page is wider than the window"


@pytest.mark.parametrize(("entry", "store"), in_turn([name for name in STORES if name != "full"]))
def test_other_stores(view: Callable[..., View], server: Callable[[str], str], entry: PageEntry, store: str) -> None:
    here = view(WIDE if store != "just_begun" else NARROW)
    here.open(page_address(server(store), entry))
    here.keep(f"{store}-{entry.address}")
    here.check()
    assert here.page.title() != "owned"
    assert MARKUP.split("<b>")[0] not in here.page.content()


def test_unknown_run_then_a_choice(view: Callable[..., View], server: Callable[[str], str]) -> None:
    here = view()
    here.open(f"{server('full')}/clipping?study=digits&run=nosuchrun")
    assert here.page.get_by_text("There is no run “nosuchrun” here.").is_visible()
    here.keep("unknown-run")
    # the list is used by keyboard alone
    here.page.get_by_label("Run", exact=True).first.focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        here.page.keyboard.press(key)
    here.page.wait_for_url("**run=rnn**")
    here.settle()
    assert not here.page.get_by_text("There is no run").count()
    here.check()


def test_runs_are_judged_while_the_reader_reads(view: Callable[..., View], server: Callable[[str], str]) -> None:
    """Unasked and without a click; then the table knows it too, and a card leads to the page that shows it."""
    here = view()
    here.open(f"{server('full')}?study=digits&by=model.cell")
    card = here.page.locator(".gradlab-card", has_text="Vanishing")
    card.get_by_text("rnn (4 of 4)").wait_for(timeout=60_000)
    here.page.get_by_text("Of 12 runs 8 are well and 4 have a problem.").wait_for(timeout=60_000)
    here.settle()
    here.keep("judged-overview")
    here.check()
    card.get_by_role("link", name="Vanishing").click()
    here.page.wait_for_url("**/vanishing?**study=digits**")
    here.settle()
    assert "by=model.cell" in here.page.url
    here.check()


def test_view_can_be_sent(view: Callable[..., View], server: Callable[[str], str]) -> None:
    """What was selected in one browser is what another one opens by the address."""
    first = view()
    first.open(f"{server('full')}/gradient-flow?study=digits")
    first.page.get_by_label("Gradient with respect to").click()
    first.page.get_by_role("option", name="cell state").click()
    first.page.wait_for_url("**quantity=grad_c**")
    first.settle()
    sent = first.page.url
    second = view(NARROW, "dark")
    second.open(sent)
    answers = [each.page.locator(".gradlab-answer").inner_text() for each in (first, second)]
    assert answers[0] == answers[1]
    assert "rnn" not in answers[0], "an RNN has no cell state"
    for each in (first, second):
        each.check()


def test_the_opened_tab_of_a_run_is_in_the_address(view: Callable[..., View], server: Callable[[str], str]) -> None:
    """Only what is opened is drawn, and the address opens the same."""
    here = view()
    here.open(f"{server('full')}/run?study=digits")
    for name in ("Gradient flow", "Gradient norm"):
        here.page.get_by_role("tab", name=name).click()
        here.page.wait_for_url(f"**about={name.replace(' ', '*')}**")
        here.settle()
        assert here.page.locator('[data-testid="stPlotlyChart"]').count() == 2
        here.check()
    other = view(NARROW, "dark")
    other.open(here.page.url)
    assert other.page.get_by_role("tab", name="Gradient norm").get_attribute("aria-selected") == "true"
    assert other.page.locator('[data-testid="stPlotlyChart"]').count() == 2
    other.check()


def test_selection_goes_along_to_the_next_page(view: Callable[..., View], server: Callable[[str], str]) -> None:
    """By keyboard alone, and the reader sees where the keyboard is."""
    here = view()
    here.open(f"{server('full')}/gradient-flow?study=adding")
    link = here.page.get_by_role("link", name="Gradient flow")
    link.focus()
    # from link to link, as the key Tab goes
    for _ in range(4):
        here.page.keyboard.press("Tab")
    focused = here.page.evaluate(
        "[document.activeElement.innerText, getComputedStyle(document.activeElement).outlineStyle]"
    )
    assert focused == ["Clipping", "solid"]
    here.page.keyboard.press("Enter")
    here.page.wait_for_url("**/clipping?**study=adding**")
    here.settle()
    here.page.go_back()
    here.settle()
    here.check()


def test_download(view: Callable[..., View], server: Callable[[str], str]) -> None:
    here = view()
    here.open(f"{server('full')}/gradient-flow?study=digits")
    here.page.get_by_text("Table and download").first.click()
    here.settle()  # the fold may still be opening
    with here.page.expect_download() as waiting:
        here.page.get_by_role("button", name="Download CSV").first.click()
    rows = Path(waiting.value.path()).read_text().splitlines()
    assert rows[0].startswith("group,t,runs")
    assert len(rows) > 64
    here.check()


def test_other_names_for_this_machine_are_refused(server: Callable[[str], str]) -> None:
    """A page of another site that calls this machine by its own name must not get at the data."""
    host, port = urlsplit(server("full")).netloc.split(":")
    assert _handshake(host, int(port), "evil.example") == 403
    assert _handshake(host, int(port), f"{host}:{port}") == 101


def _handshake(host: str, port: int, name: str) -> int:
    """Status with which the page's connection is answered to a browser that knows this machine by that name."""
    request = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {name}\r\nOrigin: http://{name}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection((host, port), timeout=10) as connection:
        connection.sendall(request.encode())
        return int(connection.recv(64).split()[1])


def test_listens_on_this_machine_only(server: Callable[[str], str]) -> None:
    port = urlsplit(server("full")).port
    # all of 127/8 is this machine; a server on every interface would answer there
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=5):
        pass
