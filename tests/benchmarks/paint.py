"""How long until a page of the dashboard shows its answer and a first figure, in a real browser, from a cold server."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dashboards.pages import PAGES
from tests.benchmarks.dashboard import CHANGES, MANY, RUNS, large, many
from tests.benchmarks.interleaved import print_table

if TYPE_CHECKING:
    from playwright.sync_api import Page

_SERVE = "import sys; from gradlab.cli.dashboard import serve; serve(sys.argv[1], int(sys.argv[2]), False)"
_ANSWER = ".gradlab-answer"
_FIGURE = '[data-testid="stPlotlyChart"] .main-svg'


@contextmanager
def server(store: Path) -> Iterator[tuple[str, Callable[[], float]]]:
    """Serve a store; gives the address, and how many GB the server holds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(store), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", lambda: _memory(process.pid)
    finally:
        process.terminate()
        process.wait(20)


def _memory(process: int) -> float:
    """Most of it that was ever in use, as Linux tells it."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**20


def painted(page: "Page", address: str) -> tuple[float, float]:
    """Seconds from opening an address to the page's answer, and to its first figure."""
    page.goto("about:blank")
    begun = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(_ANSWER).first.wait_for(timeout=120_000)
    answer = time.perf_counter() - begun
    page.locator(_FIGURE).first.wait_for(timeout=120_000)
    return answer, time.perf_counter() - begun


def main() -> None:
    """Print the table."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for title, build in ((f"{RUNS} long runs", large), (f"{MANY:,} short runs", many)):
            folder = Path(os.environ.get("GRADLAB_BENCHMARK_STORES", name)) / build.__name__
            if not folder.exists():
                build(folder)
            # one window, which knows Streamlit's and plotly's programs after the first page
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            with server(folder) as (address, memory):
                for entry in PAGES:
                    if entry.address in CHANGES:
                        path = "" if entry is PAGES[0] else f"/{entry.address}"
                        answer, figure = painted(page, address + path)
                        rows.append([title, entry.title, f"{answer:.2f} s", f"{figure:.2f} s"])
                page.close()
                rows.append([title, "memory of the server", f"{memory():.2f} GB", ""])
        browser.close()
    print_table(["store", "page", "answer", "first figure"], rows)


if __name__ == "__main__":
    main()
