"""A recorder gives back what it recorded, wherever that was written."""

from pathlib import Path

import pandas as pd
import pytest
import torch

import gradlab
from gradlab.errors import StoreError
from gradlab.recording import MemorySink
from gradlab.recording.sink import ReadableSink
from gradlab.store import RunWriter
from tests.recording.test_watch import Regressor

TIMED = ["seconds", "recording_seconds"]


def trained(sink, steps=12):
    """A recorder beside a few steps of training, still open."""
    torch.manual_seed(1)
    model = Regressor()
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    recorder = gradlab.watch(model, every=4, tables=["lags"], sink=sink)
    for _ in range(steps):
        loss = model(torch.randn(14, 10, 5)).square().mean()
        loss.backward()
        recorder.step(loss)
        optimiser.step()
        optimiser.zero_grad()
    return recorder


def equal(found, expected):
    """All tables with the same rows, whatever kind of column holds them."""
    assert found.keys() == expected.keys()
    for name, frame in expected.items():
        own = found[name].drop(columns=TIMED, errors="ignore").astype(object)
        pd.testing.assert_frame_equal(own, frame.drop(columns=TIMED, errors="ignore").astype(object))


@pytest.mark.parametrize("close", [False, True])
def test_from_files_as_from_memory(tmp_path: Path, close: bool) -> None:
    kept, written = trained(MemorySink()), trained(RunWriter(tmp_path / "run"))
    if close:
        kept.close()
        written.close()
    assert isinstance(written.sink, ReadableSink)
    equal(written.frames(), kept.frames())
    equal({"steps": written.frame("steps")}, {"steps": kept.frame("steps")})
    assert str(gradlab.diagnose(written)) == str(gradlab.diagnose(kept))
    written.close()
    kept.close()


def test_rows_of_an_earlier_process_are_there_too(tmp_path: Path) -> None:
    trained(RunWriter(tmp_path / "run")).close("stopped")
    with RunWriter(tmp_path / "run", resume=True) as again:
        again.write("steps", {"step": [12], "loss": [1.0]})
        again.flush()
        assert again.frame("steps")["step"].tolist() == list(range(13))
        assert "timesteps" in again.tables()


def test_a_sink_that_gives_nothing_back_is_named() -> None:
    class Away:
        def write(self, table, columns): ...
        def annotate(self, **facts): ...
        def flush(self): ...
        def close(self, status): ...

    recorder = trained(Away(), steps=2)
    with pytest.raises(ValueError, match=r"tables\(\) and frame\(\).*Away"):
        recorder.frames()
    recorder.close()


def test_wrong_tables_and_damaged_ones_are_told(tmp_path: Path) -> None:
    recorder = trained(RunWriter(tmp_path / "run"))
    with pytest.raises(ValueError, match="nothing"):
        recorder.frame("nothing")
    recorder.close()
    [part] = (tmp_path / "run" / "lags").glob("*.parquet")
    part.write_bytes(part.read_bytes()[:-40])
    with pytest.raises(StoreError, match=r"cannot read the table 'lags'.*repair"):
        recorder.frames()
