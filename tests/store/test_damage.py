"""Damage of every kind: the file is named, everything else is still shown, and nothing is shown wrongly."""

import random
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from gradlab.errors import StoreError
from gradlab.quantities import TABLES
from gradlab.store import LAST, RunWriter, Store, repair, schema, verify
from tests.store.rows import steps, timesteps


@pytest.fixture
def store(tmp_path):
    """Two runs of a study; `hurt` has three parts of `steps` and one of `timesteps`, and is closed as it stands."""
    store = Store(tmp_path / "runs")
    store.write_study("s", question="?", axes=["seed"])
    for name in ("hurt", "whole"):
        writer = store.writer(name, "s", config={"seed": 1, "name": name}, flush_seconds=1e9)
        for first in (0, 40_000, 80_000):
            writer.write("steps", steps(first, 40_000, grad_norm=np.random.default_rng(first).random(40_000)))
            writer.flush()
        writer.write("timesteps", timesteps(0))
        writer.close("stopped")
    return store


def hurt(store, key):
    return next(path for path in (store_path(store) / "s" / "hurt").glob(key))


def store_path(store):
    from pathlib import Path

    return Path(store.address)


def check_the_rest(store, lost=(), table="steps"):
    """The run that was not hurt is whole; of the other the rows of the lost parts are missing and no others."""
    whole, run = store.run("s/whole"), store.run("s/hurt")
    assert whole.read("steps", ["step"]).num_rows == 120_000 and whole.read("timesteps").num_rows == 20
    expected = np.concatenate([np.arange(40_000) + 40_000 * place for place in range(3) if place not in lost])
    assert np.array_equal(run.read("steps", ["step"])["step"].to_numpy(), expected)


@pytest.mark.parametrize("keep", [0, 3, 4, 100, 0.5, -1, -4, -8])
def test_a_truncated_part_is_named(store, keep):
    path = hurt(store, "steps/part-000001.parquet")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep) if isinstance(keep, float) else keep])
    (problem,) = Store(store.address).problems()
    assert problem.path == str(path) and "damaged" in str(problem) and str(problem).count(str(path)) == 1
    check_the_rest(store, lost=[1])
    assert [found.path for found in store.met()] == [str(path)]


def test_flipped_bits_never_change_a_number_in_silence(store):
    path = hurt(store, "timesteps/*.parquet")
    data = path.read_bytes()
    run = store.run("s/hurt")
    truth = run.read("timesteps")
    named, moments = 0, random.Random(0)
    # Every region of the file: half of the flips in the footer, which Parquet itself does not guard.
    for trial in range(400):
        start = len(data) - 9_000 if trial % 2 else 0
        bit = moments.randrange(8 * max(start, 0), 8 * len(data))
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        fresh = Store(store.address)
        found = fresh.run("s/hurt").read("timesteps")
        if fresh.met():
            assert [problem.path for problem in fresh.met()] == [str(path)]
            named += 1
        else:
            assert found.equals(truth), f"bit {bit} changed the data in silence"
        picked = fresh.run("s/hurt").read("timesteps", where={"t": slice(3, 5)})
        assert fresh.met() or picked.num_rows == 2, f"bit {bit} lost rows in silence"
    assert named > 200


def test_verify_finds_what_a_glance_does_not(store):
    path = hurt(store, "steps/part-000002.parquet")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    assert Store(store.address).problems() == []
    assert [problem.path for problem in verify(Store(store.address))] == [str(path)]


def test_a_missing_part_is_named(store):
    path = hurt(store, "steps/part-000001.parquet")
    path.unlink()
    assert [problem.path for problem in Store(store.address).problems()] == [str(path)]
    check_the_rest(store, lost=[1])


def test_something_else_in_place_of_a_part(store):
    path = hurt(store, "steps/part-000000.parquet")
    shutil.copy(hurt(store, "timesteps/*.parquet"), path)
    (problem,) = Store(store.address).problems()
    assert problem.path == str(path) and "not those of table 'steps'" in problem.message
    path.unlink()
    path.mkdir()
    check_the_rest(store, lost=[0])


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"\xff\xfe", b'{"status":'])
def test_damaged_documents_are_named(store, text):
    folder = hurt(store, "facts.json").parent
    for name in ("facts.json", "config.json", "../study.json"):
        path = (folder / name).resolve()
        data = path.read_bytes()
        path.write_bytes(text)
        fresh = Store(store.address)
        assert [problem.path for problem in fresh.problems()] == [str(path)]
        assert [run.id for run in fresh.runs()] == ["hurt", "whole"]
        assert fresh.run("s/whole").status == "stopped" and fresh.run("s/whole").settings["name"] == "whole"
        check_the_rest(fresh)
        path.write_bytes(data)
    assert Store(store.address).problems() == []


def test_damaged_facts_refuse_a_writer(store):
    hurt(store, "facts.json").write_bytes(b"{")
    with pytest.raises(StoreError, match=r"facts\.json: damaged"):
        store.writer("hurt", "s", resume=True)


def test_repair_moves_the_damaged_aside_and_keeps_the_rest(store):
    path = hurt(store, "steps/part-000001.parquet")
    path.write_bytes(path.read_bytes()[:1000])
    (path.parent / ".tmp-left").write_bytes(b"x")
    done = repair(Store(store.address))
    assert [sentence.partition(": ")[0] for sentence in done] == [
        str(path), str(path.parent), str(path.parent / ".tmp-left"),
    ]  # fmt: skip
    assert hurt(store, "damaged/steps-part-000001.parquet").stat().st_size == 1000
    fresh = Store(store.address)
    assert fresh.problems(deep=True) == [] and repair(fresh) == []
    check_the_rest(fresh, lost=[1])
    with fresh.writer("hurt", "s", resume=True) as writer:
        writer.write("steps", steps(120_000))
    assert fresh.run("s/hurt").read("steps", ["step"])["step"].to_pylist()[-1] == 120_000
    assert fresh.problems(deep=True) == []


def test_repair_falls_back_on_the_parts_that_a_damaged_merge_covered(tmp_path):
    writer = RunWriter(tmp_path / "r", flush_seconds=1e9)
    for step in range(3):
        writer.write("steps", steps(step))
        writer.flush()
    folder = tmp_path / "r" / "steps"
    saved = {path: path.read_bytes() for path in folder.iterdir()}
    writer.close("stopped")
    (merged,) = folder.iterdir()
    for path, data in saved.items():  # as if the merge had been killed before it removed them
        path.write_bytes(data)
    assert Store(tmp_path).run("r").read("steps").num_rows == 3
    merged.write_bytes(b"PAR1 torn")
    repair(Store(tmp_path))
    assert Store(tmp_path).run("r").read("steps", ["step"])["step"].to_pylist() == [0, 1, 2]
    assert Store(tmp_path).problems(deep=True) == []


def test_leftovers_of_a_killed_merge_are_not_read_twice(tmp_path):
    writer = RunWriter(tmp_path / "r", flush_seconds=1e9)
    for step in range(3):
        writer.write("steps", steps(step))
        writer.flush()
    folder = tmp_path / "r" / "steps"
    saved = {path: path.read_bytes() for path in folder.iterdir()}
    writer.close("stopped")
    for path, data in list(saved.items())[1:]:
        path.write_bytes(data)
    store = Store(tmp_path)
    assert store.run("r").read("steps")["step"].to_pylist() == [0, 1, 2] and store.problems() == []
    with RunWriter(tmp_path / "r", resume=True) as writer:
        writer.write("steps", steps(3))
    assert store.run("r").read("steps")["step"].to_pylist() == [0, 1, 2, 3]
    assert [path.name for path in folder.iterdir()] == ["part-000000-000003.parquet"]


def rewritten(path, metadata):
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, **metadata}), path)


def test_a_later_schema_is_refused_by_name(store):
    path = hurt(store, "timesteps/*.parquet")
    rewritten(path, {b"gradlab.schema": b"99"})
    (problem,) = Store(store.address).problems(deep=True)
    assert problem.path == str(path) and "expected schema version 1 or older, got 99" in problem.message


def test_an_earlier_schema_is_migrated_on_read(store, monkeypatch):
    path = hurt(store, "timesteps/*.parquet")
    found = pq.read_table(path)
    old = found.rename_columns(["gradient" if name == "grad_h" else name for name in found.column_names])
    pq.write_table(old.replace_schema_metadata({b"gradlab.schema": b"0", b"gradlab.table": b"timesteps"}), path)
    assert "got 0" in Store(store.address).problems()[0].message

    def migrate(table, columns):
        assert table == "timesteps"
        return columns.rename_columns(["grad_h" if name == "gradient" else name for name in columns.column_names])

    monkeypatch.setitem(schema.MIGRATIONS, 0, migrate)
    fresh = Store(store.address)
    read = fresh.run("s/hurt").read("timesteps", ["grad_h", "t"], {"t": [0, 1]})
    assert read.to_pydict() == {"grad_h": [1.0, 0.5], "t": [0, 1]} and fresh.met() == []
    last = fresh.run("s/hurt").read("timesteps", ["grad_h"], {"step": LAST, "t": [0, 1]})
    assert last.to_pydict() == {"grad_h": [1.0, 0.5]}


def test_a_part_without_a_later_quantity_reads_as_unmeasured(store):
    path = hurt(store, "timesteps/*.parquet")
    table = pq.read_table(path).drop_columns(["condition"])
    pq.write_table(table, path)
    run = store.run("s/hurt")
    assert run.read("timesteps", ["condition", "grad_h"])["condition"].null_count == 20
    assert run.read("timesteps").column_names == list(TABLES["timesteps"].columns) and store.met() == []
