"""One writer a run: who is alive keeps it, who is dead loses it, and clocks are not trusted on one machine."""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from gradlab.errors import StoreError
from gradlab.store import RunWriter, Store, lock
from tests.store.rows import steps

CHILD = """
import sys, time
from gradlab.store import RunWriter
writer = RunWriter(sys.argv[1])
writer.write("steps", {"step": [0], "loss": [0.0]})
writer.flush()
print("open", flush=True)
time.sleep(600)
"""


@pytest.fixture
def child(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / "r")], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"open\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def pretend(run, **changes):
    path = run / "lock.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_second_writer_is_refused(address):
    with RunWriter(f"{address}/r") as first:
        first.write("steps", steps(0))
        for resume in (False, True):
            with pytest.raises(StoreError, match=rf"another writer is at work \(process {os.getpid()} on"):
                RunWriter(f"{address}/r", resume=resume)
        first.write("steps", steps(1))
    assert Store(address).run("r").read("steps").num_rows == 2


def test_many_writers_at_once_and_one_gets_it(address):
    got, refused, barrier = [], [], threading.Barrier(8)

    def open_one():
        barrier.wait()
        try:
            got.append(RunWriter(f"{address}/r"))
        except StoreError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=open_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1 and len(refused) == 7 and all("another writer" in text for text in refused)
    got[0].close("finished")


def test_a_live_process_keeps_its_run_and_a_killed_one_loses_it(child, tmp_path):
    store = Store(tmp_path)
    assert store.run("r").status == "running"
    with pytest.raises(StoreError, match=f"process {child.pid}"):
        RunWriter(tmp_path / "r", resume=True)
    os.kill(child.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while store.run("r").status == "running":  # it stays a zombie: nobody has waited for it yet
        assert time.monotonic() < deadline
    assert store.run("r").status == "lost"
    with RunWriter(tmp_path / "r", resume=True) as writer:
        writer.write("steps", steps(1))
    assert store.run("r").read("steps", ["loss"])["loss"].to_pylist() == [0.0, 1.0]


@pytest.mark.parametrize("shift", [-1e6, 1e6])
def test_a_clock_that_is_set_changes_nothing_on_one_machine(child, tmp_path, shift):
    pretend(tmp_path / "r", beat=time.time() + shift)
    assert Store(tmp_path).run("r").status == "running"
    with pytest.raises(StoreError, match="another writer"):
        RunWriter(tmp_path / "r", resume=True)


def test_a_later_process_of_the_same_number_is_not_taken_for_the_holder(child, tmp_path):
    pretend(tmp_path / "r", started="1")
    assert Store(tmp_path).run("r").status == "lost"
    RunWriter(tmp_path / "r", resume=True).close("stopped")


@pytest.mark.parametrize(
    "age, status", [(0, "running"), (50, "running"), (70, "lost"), (-50, "running"), (-70, "lost")]
)
def test_another_machine_is_judged_by_its_heartbeat(tmp_path, age, status):
    writer = RunWriter(tmp_path / "r")
    pretend(tmp_path / "r", host="elsewhere", beat=time.time() - age)
    assert Store(tmp_path).run("r").status == status
    if status == "lost":
        with RunWriter(tmp_path / "r", resume=True) as heir:
            with pytest.raises(StoreError, match="has taken this run over"):
                writer.flush()
            heir.write("steps", steps(0))
        assert Store(tmp_path).run("r").status == "finished"


def test_a_writer_that_is_forgotten_gives_its_run_up(tmp_path):
    writer = RunWriter(tmp_path / "r")
    assert Store(tmp_path).run("r").status == "running"
    del writer
    gc.collect()
    assert Store(tmp_path).run("r").status == "lost"
    RunWriter(tmp_path / "r", resume=True).close("finished")


def test_the_heart_beats_and_stops(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.02)
    writer = RunWriter(tmp_path / "r")
    seen = set()
    deadline = time.monotonic() + 20
    while len(seen) < 3:
        seen.add(lock.read_holder(writer._folder).beat)
        assert time.monotonic() < deadline
    writer.close("finished")
    assert not (tmp_path / "r" / "lock.json").exists()
    time.sleep(0.1)
    assert not (tmp_path / "r" / "lock.json").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"token": 1}'])
def test_a_damaged_lock_is_no_lock(tmp_path, text):
    RunWriter(tmp_path / "r").close("stopped")
    (tmp_path / "r" / "lock.json").write_text(text)
    RunWriter(tmp_path / "r", resume=True).close("finished")


def test_a_lock_that_was_deleted_is_made_again(tmp_path):
    writer = RunWriter(tmp_path / "r")
    (tmp_path / "r" / "lock.json").unlink()
    writer.write("steps", steps(0))
    writer.flush()
    assert json.loads((tmp_path / "r" / "lock.json").read_text())["host"] == socket.gethostname()
    writer.close("finished")
