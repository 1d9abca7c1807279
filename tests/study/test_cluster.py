"""A study on a running cluster: a scheduler and two worker processes at an address, one of which is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradlab.cli.run import _resources
from gradlab.errors import GradlabError
from gradlab.store import Store
from gradlab.study.runners import Distributed
from tests.cli.command import gradlab
from tests.study.test_runners import ADDING, Diary, read

LOCAL = ("--host", "127.0.0.1", "--no-dashboard")


def dask(*arguments: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start a program of dask, as a batch system would."""
    program = [sys.executable, "-W", "ignore", "-m", "distributed.cli." + arguments[0], *arguments[1:]]
    return subprocess.Popen(program, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler, and the processes of its two workers."""
    file = tmp_path / "scheduler.json"
    scheduler = dask("dask_scheduler", "--port", "0", "--scheduler-file", str(file), *LOCAL, folder=tmp_path)
    worker = ["dask_worker", "--nthreads", "1", "--no-nanny", "--scheduler-file", str(file), *LOCAL]
    workers = [dask(*worker, "--resources", "slot=1", folder=tmp_path) for _ in range(2)]
    try:
        yield address(file), workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def address(file: Path) -> str:
    deadline = time.monotonic() + 60
    while not file.is_file() or not file.read_text():
        assert time.monotonic() < deadline, "expected a scheduler within a minute, got none"
        time.sleep(0.05)
    return str(json.loads(file.read_text())["address"])


@pytest.mark.slow
def test_a_cluster_runs_a_study_though_a_worker_is_killed_in_the_middle(cluster, tmp_path: Path) -> None:
    where, workers = cluster
    store = str(tmp_path / "runs")
    study = read(Path(store), "grid.seed=[0, 1, 2, 3]", "training.steps=400", "training.evaluate_every=null")
    killed: list[int] = []

    def kill_once(run, step) -> None:
        if not killed and step > 5:
            [found] = [one for one in Store(store).runs(study.name) if one.id == run.id]
            assert found.facts["pid"] in [worker.pid for worker in workers]
            killed.append(found.facts["pid"])
            os.kill(killed[0], signal.SIGKILL)

    runner = Distributed(cluster=where, resources={"slot": 1})
    ended = runner(study.runs, study.name, store, Diary(kill_once))
    assert killed
    assert [one.status for one in ended] == ["finished"] * 4
    found = Store(store).runs(study.name)
    assert {run.facts["pid"] for run in found} <= {worker.pid for worker in workers}
    for run in found:
        assert run.read("steps", ["step"])["step"].to_pylist() == list(range(400)), "each step once"
    [survivor] = [worker.pid for worker in workers if worker.pid not in killed]
    assert survivor in {run.facts["pid"] for run in found}

    done = gradlab("run", ADDING, "seed=9", "--cluster", where, "--needs", "slot=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    [run] = [run for run in Store(store).runs(study.name) if run.config["seed"] == 9]
    assert (run.status, run.facts["pid"]) == ("finished", survivor)
    wrong = gradlab("run", ADDING, "--cluster", where, "--needs", "GPU=1", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "expected a worker with GPU 1, the workers have {'slot': 1" in wrong.stderr


def test_a_cluster_that_is_not_there_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "1s")
    done = gradlab("run", ADDING, "--cluster", "tcp://127.0.0.1:9", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "expected a dask scheduler at tcp://127.0.0.1:9" in done.stderr


@pytest.mark.parametrize("needs", ["GPU", "GPU=", "GPU=x", "=1", "GPU=0"])
def test_what_a_run_needs_is_a_name_and_an_amount(needs: str) -> None:
    with pytest.raises(GradlabError, match="--needs: expected NAME=AMOUNT"):
        _resources([needs])
