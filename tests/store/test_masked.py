"""What was not measured is null on disk, and stays apart from NaN."""

import numpy as np
import pandas as pd
import pytest

from gradlab.recording import MemorySink
from gradlab.reports import load
from gradlab.store import RunWriter, Store

STEPS = {
    "step": np.arange(4),
    "loss": np.array([1.0, np.nan, -np.inf, 2.0]),
    "score": np.ma.array([0.25, 99.0, 99.0, np.nan], mask=[False, True, True, False]),
    "clip_fired": np.ma.array([True, True, False, False], mask=[False, True, False, False]),
}


def test_masked_entries_are_null_and_nan_stays_nan(tmp_path):
    with RunWriter(tmp_path / "runs" / "one") as writer:
        writer.write("steps", STEPS)
    (run,) = Store(tmp_path / "runs").runs()
    table = run.read("steps", ["score", "clip_fired", "loss"])
    score = table["score"].to_pylist()
    assert score[:3] == [0.25, None, None]
    assert np.isnan(score[3])
    assert table["clip_fired"].to_pylist() == [True, None, False, False]
    assert table["loss"].null_count == 0
    frame = load(tmp_path / "runs", "steps")
    assert frame["score"].isna().tolist() == [False, True, True, True]


def test_memory_and_disk_give_the_same_frame(tmp_path):
    sink = MemorySink()
    with RunWriter(tmp_path / "runs" / "one") as writer:
        for target in (sink, writer):
            target.write("steps", STEPS)
    kept, read = sink.frame("steps"), load(tmp_path / "runs", "steps")
    for column in ("loss", "score"):
        np.testing.assert_array_equal(kept[column], read[column])
    assert [None if pd.isna(v) else bool(v) for v in kept["clip_fired"]] == [
        None if pd.isna(v) else bool(v) for v in read["clip_fired"]
    ]


def test_a_masked_axis_is_refused(tmp_path):
    with RunWriter(tmp_path / "one") as writer, pytest.raises(ValueError, match="expected a value in every row"):
        writer.write("steps", {"step": np.ma.array([1, 2], mask=[False, True])})
