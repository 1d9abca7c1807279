"""Rows that meet conditions are those that a filter over everything finds, whatever the files look like."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from gradlab.store import RunWriter, Store, parquet, ranges
from gradlab.store.local import LocalFolder
from tests.store.rows import timesteps

CONDITIONS = [
    {"t": 0},
    {"step": 7},
    {"step": [0, 7, 99]},
    {"step": slice(2, 5), "t": slice(None, 3)},
    {"step": slice(6, None), "module": "b"},
    {"step": slice(None)},
    {"module": ["b", "c"], "layer": 0},
    {"module": "nothing"},
    {"grad_h": slice(3.5, None)},
    {"saturation": 0.5},
    {"step": 99},
]
COLUMNS = ["t", "module", "grad_h", "step"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Parts of several row groups, in which a condition holds for all rows, for some, and for none."""
    folder = tmp_path_factory.mktemp("conditions")
    store = Store(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "GROUP_ROWS", 16)
        patch.setattr("gradlab.store.writer._LARGE_ROWS", 1)
        with store.writer("r", flush_seconds=1e9) as writer:
            for step in range(9):
                columns = timesteps(step, 8) | {"module": ["a", "b"] * 4 if step % 3 else ["b"] * 8}
                if step == 4:
                    columns["saturation"] = np.full(8, 0.5)
                writer.write("timesteps", columns)
                if step % 4 == 3:
                    writer.flush()
    parts = sorted(folder.glob("r/timesteps/*.parquet"))
    assert [pq.ParquetFile(part).num_row_groups for part in parts] == [2, 2, 1]
    return store.run("r")


def fits(values, condition):
    if isinstance(condition, slice):
        low, high = condition.start, condition.stop
        return values.notna() & (low is None or values >= low) & (high is None or values < high)
    return values.isin(condition) if isinstance(condition, list) else values == condition


@pytest.mark.parametrize("where", CONDITIONS, ids=str)
def test_conditions_find_what_a_filter_over_everything_finds(run, where):
    everything = run.read("timesteps").to_pandas()
    kept = np.logical_and.reduce([fits(everything[name], condition) for name, condition in where.items()])
    found = run.read("timesteps", COLUMNS, where)
    assert found.column_names == COLUMNS
    assert found.schema.field("module").type == "string"
    assert found.to_pandas().equals(everything.loc[kept, COLUMNS].reset_index(drop=True))


@pytest.mark.parametrize("where", [{"step": [0, 7], "t": 3}, {"step": 7, "module": "b"}, {"step": 99, "layer": 0}])
def test_a_first_look_finds_what_a_filter_over_everything_finds(run, where, monkeypatch):
    """Nothing is known yet of what the row groups hold."""
    monkeypatch.setattr(ranges, "_KNOWN", {})
    first = run.read("timesteps", COLUMNS, where)
    assert ranges._KNOWN
    everything = run.read("timesteps").to_pandas()
    kept = np.logical_and.reduce([fits(everything[name], condition) for name, condition in where.items()])
    assert first.to_pandas().equals(everything.loc[kept, COLUMNS].reset_index(drop=True))


def test_damage_in_a_column_that_a_condition_looks_at_is_named(run, tmp_path):
    """Also where no row would have met it: nobody can know."""
    store = Store(tmp_path)
    with store.writer("r") as writer:
        writer.write("timesteps", timesteps(0, 400))
    (part,) = tmp_path.glob("r/timesteps/*.parquet")
    places = pq.ParquetFile(part).metadata.row_group(0)
    where = next(places.column(i) for i in range(places.num_columns) if places.column(i).path_in_schema == "t")
    data = bytearray(part.read_bytes())
    data[where.data_page_offset + where.total_compressed_size - 3] ^= 4
    part.write_bytes(data)
    assert store.run("r").read("timesteps", ["grad_h"], {"t": 1_000_000}).num_rows == 0
    (problem,) = store.met()
    assert problem.path == str(part) and "damaged" in problem.message


def test_a_part_that_does_not_hold_the_step_is_not_opened_again(run, monkeypatch):
    run.read("timesteps", ["step"])
    opened, open_part = [], LocalFolder.open
    monkeypatch.setattr(LocalFolder, "open", lambda self, key, size=-1: opened.append(key) or open_part(self, key))
    assert run.read("timesteps", COLUMNS, {"step": 7}).num_rows == 8
    assert opened == ["timesteps/part-000001.parquet"]


def test_a_run_that_was_written_anew_is_read_anew(tmp_path):
    for step in (0, 5):
        with RunWriter(tmp_path / "r") as writer:
            writer.write("timesteps", timesteps(step))
        run = Store(tmp_path).run("r")
        assert set(run.read("timesteps", ["step"])["step"].to_pylist()) == {step}
        assert run.read("timesteps", ["t"], {"step": step}).num_rows == 20
        assert run.read("timesteps", ["t"], {"step": 5 - step}).num_rows == 0
        run.remove()
