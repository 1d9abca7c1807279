"""The wheel works far from the checkout: the command, the shipped studies, the dashboard."""

import os
import shutil
import site
import socket
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from tests.house.repository import ROOT

ONE_SMALL_RUN = ("model.cell=lstm", "training.clip=1.0", "seed=0", "training.steps=3")


def build(folder: Path) -> Path:
    """Build the wheel from a copy of the checkout, so that nothing is left behind in it."""
    source = folder / "source"
    for part in ("gradlab", "dashboards", "studies"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / part, source)
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", source],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


class Environment:
    """An environment of its own, and the commands in it, run from a folder that is not the checkout."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder / "venv", symlinks=True)
        self.bin = folder / "venv" / "bin"
        self.cwd = folder / "elsewhere"
        self.cwd.mkdir()
        kept = {"PATH", "LANG", "TMPDIR"}
        self.environ = {name: os.environ[name] for name in kept & set(os.environ)}
        self.environ |= {"HOME": str(self.cwd), "OMP_NUM_THREADS": "1"}

    def site_packages(self) -> Path:
        (found,) = (self.bin.parent / "lib").glob("python*/site-packages")
        return found

    def borrow_dependencies(self) -> None:
        """See the packages of the environment that runs the tests (not gradlab: `.pth` files there are not read)."""
        (self.site_packages() / "borrowed.pth").write_text("\n".join(site.getsitepackages()))

    def __call__(self, program: str, *arguments: object, timeout: float = 120) -> str:
        done = subprocess.run(
            [self.bin / program, *map(str, arguments)],
            cwd=self.cwd,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """The wheel, installed beside borrowed dependencies."""
    made = Environment(tmp_path_factory.mktemp("environment"))
    made.borrow_dependencies()
    pip = ["-m", "pip", "--python", made.bin / "python", "install", "--quiet", "--no-index", "--no-deps", wheel]
    subprocess.run([sys.executable, *pip], check=True)
    return made


def test_what_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for path in [*(ROOT / "studies").glob("*.yaml"), *(ROOT / "dashboards").rglob("*.py")]:
        assert f"gradlab/_shipped/{path.relative_to(ROOT)}" in names
    assert {"gradlab/py.typed", "gradlab/_shipped/dashboards/icon.svg"} <= names
    assert not [name for name in names if "tests/" in name or name.endswith((".pyc", ".parquet"))]


def test_it_is_the_installed_one_that_answers(environment):
    where = environment("python", "-c", "import gradlab; print(gradlab.__file__)")
    assert Path(where.strip()).is_relative_to(environment.site_packages())


def test_studies(environment):
    told = environment("gradlab", "studies")
    for path in (ROOT / "studies").glob("*.yaml"):
        assert path.stem in told


def test_run_and_report(environment):
    told = environment("gradlab", "run", "digits", *ONE_SMALL_RUN)
    assert "to do" in told and "finished, 3 steps" in told
    assert (environment.cwd / "runs").is_dir()
    written = environment("gradlab", "report", "digits", "--to", "csv").split()
    assert written and all((environment.cwd / path).is_file() for path in written)


def test_dashboard(environment):
    code = """
from gradlab.cli.dashboard import app_path
from streamlit.testing.v1 import AppTest
app = AppTest.from_file(app_path(), default_timeout=60).run()
assert not app.exception, app.exception
import dashboards
print(app_path(), dashboards.__file__, sep="\\n")
"""
    for path in environment("python", "-c", code).splitlines():
        assert Path(path).is_relative_to(environment.site_packages() / "gradlab" / "_shipped")


def test_the_dashboard_is_served_on_this_machine_only(environment):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = environment.cwd / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [environment.bin / "gradlab", "dashboard", "--no-browser", "--port", str(port)],
            cwd=environment.cwd,
            env=environment.environ,
            stdout=out,
            stderr=out,
        )
        try:
            assert answers(port, server), log.read_text()
            listening = Path("/proc/net/tcp")
            if listening.exists():
                at = [line.split()[1] for line in listening.read_text().splitlines()[1:]]
                assert f"0100007F:{port:04X}" in at and f"00000000:{port:04X}" not in at
        finally:
            server.terminate()
            server.wait(20)


def answers(port: int, server: subprocess.Popen[bytes]) -> bool:
    """Whether the server says within a minute that it is well."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as reply:
                return reply.status == 200
        except OSError:
            time.sleep(0.1)
    return False


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_in_an_empty_environment_pip_brings_all_that_is_needed(wheel, tmp_path):
    """Nothing is borrowed here: what `dependencies` forgets is missed."""
    made = Environment(tmp_path)
    # an environment of the user's own choice of index: pip reads its settings as it always does
    made.environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    pip = ["-m", "pip", "--python", made.bin / "python", "install", "--quiet"]
    subprocess.run([sys.executable, *pip, "--constraint", ROOT / "constraints.txt", wheel], check=True)
    assert "digits" in made("gradlab", "studies")
    assert "finished, 3 steps" in made("gradlab", "run", "digits", *ONE_SMALL_RUN)
    assert "ok" in made(
        "python", "-c", "import gradlab.cli.dashboard as d; d.app_path(); import streamlit; print('ok')"
    )
