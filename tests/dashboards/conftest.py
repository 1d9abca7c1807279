"""Stores that are built once a session; no test writes to them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboards.pages import PAGES, PageEntry
from gradlab.cli.dashboard import app_path
from tests.dashboards.reading import Open
from tests.dashboards.stores import STORES


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
