"""What was recorded last is found from the end, and is what reading everything would find."""

import numpy as np
import pytest

from gradlab.reports import load
from gradlab.store import LAST, RunWriter, Store
from gradlab.store.parquet import GROUP_ROWS
from tests.store.rows import steps, timesteps


def slowly(run, columns, **where):
    """The last step by reading all of them."""
    every = run.read("timesteps", ["step"])["step"].to_pylist()
    return run.read("timesteps", columns, {"step": every[-1], **where}).to_pydict()


def write(address, *pieces, close=True):
    """A run with a part for each list of passes; they are merged when it is closed."""
    writer = RunWriter(address)
    for passes in pieces:
        for columns in passes:
            writer.write("timesteps", columns)
        writer.flush()
    if close:
        writer.close("finished")
    return writer


LONG = GROUP_ROWS + 100
CASES = {
    "one step": [[timesteps(3)]],
    "several parts": [[timesteps(0), timesteps(10)], [timesteps(20)]],
    "last step over two parts": [[timesteps(0), timesteps(10)], [timesteps(10, 7)]],
    "last step over three parts, which hold nothing else": [[timesteps(10)], [timesteps(10, 7)], [timesteps(10, 4)]],
    "last step over several row groups": [[timesteps(0, 50), timesteps(10, 2 * LONG)]],
    "row groups before it": [[timesteps(0, LONG), timesteps(5, LONG), timesteps(10, 30)]],
}


@pytest.mark.parametrize("pieces", CASES.values(), ids=list(CASES))
@pytest.mark.parametrize("merged", [False, True])
def test_it_is_what_reading_everything_finds(address, pieces, merged):
    writer = write(f"{address}/r", *pieces, close=merged)
    run = Store(address).run("r")
    columns = ["t", "step", "grad_h"]
    assert run.read("timesteps", columns, {"step": LAST}).to_pydict() == slowly(run, columns)
    some = {"t": slice(2, 6), "layer": 0}
    assert run.read("timesteps", columns, {**some, "step": LAST}).to_pydict() == slowly(run, columns, **some)
    assert run.read("timesteps", ["t"], {"step": LAST, "layer": 1}).num_rows == 0
    if not merged:
        writer.close("finished")


def test_random_lengths(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(20):
        lengths = rng.integers(1, 40, rng.integers(1, 9))
        kept = np.sort(rng.integers(0, 5, len(lengths)))
        pieces = [[timesteps(int(step), int(length))] for step, length in zip(kept, lengths, strict=True)]
        writer = write(tmp_path / f"r{number}", *pieces, close=bool(number % 2))
        run = Store(tmp_path).run(f"r{number}")
        assert run.read("timesteps", ["t"], {"step": LAST}).to_pydict() == slowly(run, ["t"])
        if not number % 2:
            writer.close("finished")


def test_nothing_recorded_and_other_tables(address):
    with RunWriter(f"{address}/r") as writer:
        writer.write("steps", steps(0, 10))
    run = Store(address).run("r")
    assert run.read("timesteps", None, {"step": LAST}).num_rows == 0
    assert run.read("steps", ["loss"], {"step": LAST})["loss"].to_pylist() == [9.0]


def test_a_damaged_end_is_told_and_what_is_before_it_counts(tmp_path):
    writer = write(tmp_path / "r", [timesteps(0), timesteps(10)], [timesteps(20)], close=False)
    last = sorted((tmp_path / "r" / "timesteps").glob("*.parquet"))[-1]
    last.write_bytes(last.read_bytes()[:-50])
    store = Store(tmp_path)
    found = store.run("r").read("timesteps", ["step"], {"step": LAST})
    assert set(found["step"].to_pylist()) == {10}
    assert [problem.path for problem in store.met()] == [str(last)]
    writer.close("finished")


def test_only_the_end_is_opened(tmp_path, monkeypatch):
    from gradlab.store import parquet

    write(tmp_path / "r", [timesteps(0)], [timesteps(10)], [timesteps(20)], close=False)
    opened = []
    original = parquet._open
    monkeypatch.setattr(parquet, "_open", lambda *given: opened.append(given[2]) or original(*given))
    Store(tmp_path).run("r").read("timesteps", ["t"], {"step": LAST})
    assert len(opened) == 2, "the last part, and the one before it, which might hold more of the same step"


def test_of_many_runs_each_ones_own(tmp_path):
    for name, step in (("a", 5), ("b", 50)):
        write(tmp_path / name, [timesteps(0), timesteps(step)])
    frame = load(tmp_path, "timesteps", columns=["step"], where={"step": LAST, "t": 3})
    assert frame.to_dict("list") == {"run": ["a", "b"], "step": [5, 50]}


def test_elsewhere_it_has_no_meaning(tmp_path):
    write(tmp_path / "r", [timesteps(0)])
    with pytest.raises(ValueError, match=r"expected LAST for its axis 'step', got it for \['t'\]"):
        Store(tmp_path).run("r").read("timesteps", None, {"t": LAST})
    with pytest.raises(ValueError, match="first axis of a table only, got it for 'status'"):
        load(tmp_path, "timesteps", where={"status": LAST})
