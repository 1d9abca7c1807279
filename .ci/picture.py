"""Takes the picture in README.md: the page on gradient flow, of a store that holds the study of the digits."""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

PICTURE = Path(__file__).with_name("overview.png")
WIDTH, HEIGHT = 1200, 860
SETTLED = '[data-testid="stApp"][data-test-script-state="notRunning"]'


def main() -> None:
    """Serve the store, look at it, and keep what is seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", default="runs")
    parser.add_argument("--address", default="gradient-flow?study=digits", help="page, and what is chosen on it")
    asked = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["dashboard", "--store", asked.store, "--no-browser", "--port", str(port)]
    server = subprocess.Popen([Path(sys.executable).with_name("gradlab"), *command])
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        with sync_playwright() as playwright:
            # chromium refuses its sandbox to root, as in a container
            flags = ["--no-sandbox"] if os.geteuid() == 0 else []
            program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
            take(playwright.chromium.launch(executable_path=program, args=flags), port, asked.address)
    finally:
        server.terminate()
        server.wait(20)
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1000:.0f} kB")


def wait_for(address: str) -> None:
    """Return when the server answers; raises TimeoutError after a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("the dashboard did not answer within a minute")


def take(browser: Browser, port: int, address: str) -> None:
    """Open the page and wait until every chart on it is drawn."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    page.goto(f"http://127.0.0.1:{port}/{address}")
    page.wait_for_selector("h1")
    page.wait_for_selector(SETTLED, timeout=60_000)
    page.wait_for_timeout(2000)
    page.wait_for_selector(SETTLED, timeout=60_000)
    for chart in page.locator('[data-testid="stPlotlyChart"]').all():
        chart.locator(".main-svg").first.wait_for(state="attached", timeout=60_000)
    # where the store lies on this machine is nobody's business
    page.add_style_tag(content="[data-testid=stSidebarUserContent] { visibility: hidden; }")
    page.wait_for_timeout(1000)
    page.screenshot(path=PICTURE)
    browser.close()


if __name__ == "__main__":
    main()
