"""Readers beside a writer: at every moment they see a beginning of the table, whole, in order, without an error."""

import multiprocessing
import threading
import time

from gradlab.store import RunWriter, Store
from tests.store.rows import steps


def write(address, seconds, enough=None):
    """For so long, and until there is enough."""
    step = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end or not (enough is None or enough.is_set()):
        writer = RunWriter(f"{address}/r", resume=True, flush_seconds=1e9)
        for _ in range(40):
            writer.write("steps", steps(step))
            writer.flush()
            step += 1
        writer.close("stopped")


def watch(address, done, enough=None):
    store, seen, reads = Store(address), 0, 0
    while not done() or reads == 0:
        for run in store.runs():
            found = run.read("steps", ["step", "loss"]).to_pydict()
            count = len(found["step"])
            assert found["step"] == list(range(count)) and found["loss"] == [float(step) for step in range(count)]
            assert count >= seen, f"{seen} rows were there, now {count}"
            assert store.problems() == []
            seen, reads = count, reads + 1
            if enough is not None and seen >= 40 and reads >= 5:
                enough.set()
    return seen, reads


def test_readers_beside_a_writer_that_merges(address):
    enough = threading.Event()
    writer = threading.Thread(target=write, args=(address, 1.0, enough))
    writer.start()
    try:
        watch(address, lambda: not writer.is_alive(), enough)
    finally:
        enough.set()
        writer.join()
    assert Store(address).run("r").read("steps").num_rows % 40 == 0


def test_readers_of_another_process(tmp_path):
    writer = multiprocessing.get_context("spawn").Process(target=write, args=(str(tmp_path), 1.5))
    writer.start()
    try:
        seen, _ = watch(tmp_path, lambda: not writer.is_alive() and writer.exitcode is not None)
    finally:
        writer.join()
    assert writer.exitcode == 0 and seen >= 40


def test_threads_share_a_writer(address):
    writer = RunWriter(f"{address}/r", buffer_rows=7)

    def some(first):
        for step in range(first, first + 50):
            writer.write("steps", steps(step))
            writer.annotate(last=step)

    threads = [threading.Thread(target=some, args=(first,)) for first in (0, 50, 100, 150)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close("finished")
    assert sorted(Store(address).run("r").read("steps")["step"].to_pylist()) == list(range(200))
