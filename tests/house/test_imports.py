"""Imports run one way, the read side never reaches torch, and the command starts light."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.repository import ROOT

# Imports every module of the read side, runs the dashboard on an empty store, and names what came in.
READ_SIDE = """
import importlib, os, pkgutil, sys
os.environ["GRADLAB_STORE"] = sys.argv[1]
names = []
for part in ("store", "quantities", "reports", "figures", "diagnosis"):
    names.append(f"gradlab.{part}")
    package = importlib.import_module(names[-1])
    for found in pkgutil.walk_packages(getattr(package, "__path__", []), f"gradlab.{part}."):
        names.append(found.name)
        importlib.import_module(found.name)
from gradlab.cli.dashboard import app_path
from streamlit.testing.v1 import AppTest
app = AppTest.from_file(app_path(), default_timeout=60).run()
assert not app.exception, app.exception
from dashboards.pages import PAGES
for page in PAGES:
    if page.draws_nets:
        continue
    app.switch_page(str(page.path))
    app.run()
    assert not app.exception, (page, app.exception)
assert [page.address for page in PAGES if page.draws_nets] == ["playground"]
names += [name for name in sys.modules if name.startswith("dashboards")]
"""
COMMAND = """
import sys
from gradlab.cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""
REPORT = "\nprint('\\nIMPORTED', *sorted({name.partition('.')[0] for name in sys.modules}))\n"


def imported(code: str, *arguments: str, cwd: Path) -> set[str]:
    """The packages that a fresh process holds after the code."""
    done = subprocess.run(
        [sys.executable, "-c", code + REPORT, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("IMPORTED ")[2].split())


def test_the_read_side_never_imports_torch(tmp_path):
    came = imported(READ_SIDE, str(tmp_path / "runs"), cwd=tmp_path)
    assert {"gradlab", "dashboards", "pandas", "pyarrow", "plotly", "streamlit"} <= came
    assert "torch" not in came


@pytest.mark.parametrize("heavy", ["gradlab.recurrence", "gradlab.recording", "gradlab.shapes"])
def test_that_would_be_seen(heavy, tmp_path):
    assert "torch" in imported(f"{READ_SIDE}\nimport {heavy}", str(tmp_path / "runs"), cwd=tmp_path)


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("--version",), ("studies",)], ids=" ".join)
def test_the_command_starts_light(arguments, tmp_path):
    came = imported(COMMAND, *arguments, cwd=tmp_path)
    assert "typer" in came
    assert not came & {"torch", "pandas", "pyarrow", "streamlit", "plotly", "scipy", "sklearn"}


def test_importing_gradlab_imports_nothing_else(tmp_path):
    came = imported("import sys, gradlab", cwd=tmp_path)
    assert not came & {"torch", "numpy", "pandas", "pydantic", "streamlit", "plotly"}
    assert "torch" in imported("import sys, gradlab; gradlab.watch", cwd=tmp_path)


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on a checkout."""
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_imports_run_one_way():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "path, line",
    [
        ("gradlab/figures/text.py", "import gradlab.shapes"),
        ("gradlab/reports/load.py", "from gradlab.training.clipping import base"),
        ("gradlab/recording/schedule.py", "from gradlab import store"),
        ("gradlab/recurrence/rnn.py", "from gradlab import dynamics"),
        ("gradlab/store/where.py", "import dashboards"),
        ("gradlab/unplaced/__init__.py", "import math"),
    ],
)
def test_an_import_against_the_direction_would_be_seen(path, line, tmp_path):
    for part in ("gradlab", "dashboards"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / path).parent.mkdir(exist_ok=True)
    with (tmp_path / path).open("a") as file:
        file.write(f"\n{line}\n")
    done = lint(tmp_path)
    assert done.returncode == 1 and "BROKEN" in done.stdout, done.stdout + done.stderr
