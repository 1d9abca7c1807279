"""How the dashboard is found and served, and that it stays light."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit import config

from dashboards.pages import PAGES
from gradlab.cli import dashboard

ROOT = Path(__file__).resolve().parents[2]


def test_checkout_serves_its_own_app() -> None:
    assert dashboard.app_path() == ROOT / "dashboards" / "app.py"


def test_wheel_serves_the_shipped_copy(tmp_path: Path) -> None:
    """As installed: the folder lies inside the package, and nothing of the checkout is importable."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "gradlab", tmp_path / "gradlab", ignore=ignore)
    shutil.copytree(ROOT / "dashboards", tmp_path / "gradlab" / "_shipped" / "dashboards", ignore=ignore)
    code = (
        "import os, runpy, sys; from gradlab.cli.dashboard import app_path; print(app_path());"
        "os.environ['GRADLAB_STORE'] = 'nothing'; runpy.run_path(str(app_path()));"
        "import dashboards; print(dashboards.__file__)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    shipped = tmp_path / "gradlab" / "_shipped" / "dashboards"
    assert done.stdout.split() == [str(shipped / "app.py"), str(shipped / "__init__.py")]


def test_missing_app_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "__file__", str(tmp_path / "gradlab" / "cli" / "dashboard.py"))
    monkeypatch.setattr(dashboard.resources, "files", lambda package: tmp_path)
    with pytest.raises(FileNotFoundError, match="install gradlab again"):
        dashboard.app_path()


@pytest.mark.parametrize("port", [None, 8765])
def test_server_is_for_this_machine_only_and_sends_nothing(port: int | None) -> None:
    settings = dashboard.server_config(port, open_browser=False)
    assert settings["server.address"] == "127.0.0.1"
    assert settings["browser.gatherUsageStats"] is False
    assert settings["server.headless"] is True
    assert settings.get("server.port") == port
    assert not [name for name in settings if name not in config.get_config_options()]


def test_every_page_file_is_in_the_list_and_has_an_address() -> None:
    files = {path.name for path in (ROOT / "dashboards" / "pages").glob("*.py")} - {"__init__.py"}
    assert {page.file for page in PAGES} == files
    assert len({page.address for page in PAGES}) == len(PAGES)


@pytest.mark.parametrize("module", ["gradlab.figures", "dashboards.components.choices", "dashboards.components.figure"])
def test_looking_does_not_need_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120).returncode == 0


def test_looking_does_not_wait_for_scipy() -> None:
    """Half a second before the first figure; only the theory of random nets needs it."""
    code = "import sys, gradlab.figures; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120).returncode == 0
