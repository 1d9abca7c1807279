"""Stores that are built once a session; no test writes to them."""

from collections.abc import Callable
from pathlib import Path

import pytest

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
