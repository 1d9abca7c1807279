"""What holds for every test: shapes and types are checked, one thread a worker, and nothing is written elsewhere."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

NUMERIC = ("recurrence", "dynamics", "instrument", "tasks", "models", "training")
"""The packages whose annotations, shapes among them, are checked at every call while tests run."""

_already = sorted(name for name in NUMERIC if f"gradlab.{name}" in sys.modules)
if _already:
    raise RuntimeError(f"expected to be there before anything imports gradlab.{_already[0]}, came too late")
install_import_hook([f"gradlab.{name}" for name in NUMERIC], "beartype.beartype")
_checked = jaxtyping.jaxtyped


def _checked_once(function: Any = None, /, **how: Any) -> Any:
    """What stands within a function is left as it is: its check would be written anew whenever that function runs."""
    if function is None:
        return lambda given: _checked_once(given, **how)
    return function if "<locals>" in function.__qualname__ else _checked(function, **how)


jaxtyping.jaxtyped = _checked_once

# how long an example takes says more of the machine than of the code
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What trains for minutes may do so for many of them where the machine is slow."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1500))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Workers share the processors: a thread each."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test has a working directory of its own, so that relative paths such as `runs` are not the clone's."""
    monkeypatch.chdir(tmp_path)
    yield
