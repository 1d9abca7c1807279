"""One browser a session, and stores that are built once; no test writes to them."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from streamlit.testing.v1 import AppTest

from dashboards.pages import PAGES, PageEntry
from gradlab.cli.dashboard import app_path
from tests.dashboards.reading import Open
from tests.dashboards.stores import STORES

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Debian's chromium; skips without it, or fails where it is required."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        message = "expected chromium, found none; apt-get install --no-install-recommends chromium fonts-dejavu-core"
        if os.environ.get("GRADLAB_REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    # chromium refuses its sandbox to root, as in a container
    flags = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=flags)
        yield started
        started.close()


@pytest.fixture(scope="session")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The path of a store by its name in `STORES`."""
    built: dict[str, Path] = {}

    def path(name: str) -> Path:
        if name not in built:
            built[name] = tmp_path_factory.mktemp("stores") / name
            STORES[name](built[name])
        return built[name]

    return path


@pytest.fixture
def open_page(store_path: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a page of the app on a store, with an address."""

    def page(store: str | Path, entry: PageEntry, **address: str) -> AppTest:
        monkeypatch.setenv("GRADLAB_STORE", str(store_path(store) if isinstance(store, str) else store))
        app = AppTest.from_file(str(app_path()), default_timeout=60)
        app.query_params.update(address)
        if entry is not PAGES[0]:
            app.switch_page(str(entry.path))
        return app.run()

    return page
