"""Files of one flush are brought to the disk together: every one, and each folder once."""

from pathlib import Path

import pytest

from gradlab.errors import StoreError
from gradlab.store import RunWriter, local


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders whose names were brought to the disk, in order."""
    found: list[Path] = []
    real = local.sync_folder
    monkeypatch.setattr(local, "sync_folder", lambda path: (found.append(path), real(path))[1])
    return found


TABLES = {
    "steps": {"step": [0], "loss": [1.0]},
    "parameters": {"step": [0], "parameter": ["w"], "grad_norm": [1.0]},
    "truncation": {"step": [0], "parameter": ["w"], "window": [2], "cosine": [1.0]},
}


def test_each_folder_once(tmp_path: Path, synced: list[Path]) -> None:
    run = tmp_path / "r"
    with RunWriter(run, config={"seed": 0}) as writer:
        assert synced == [run], "config and first facts"
        synced.clear()
        for table, columns in TABLES.items():
            writer.write(table, columns)
        writer.annotate(steps=1)
        writer.flush()
        assert sorted(synced) == sorted([run, *(run / table for table in TABLES)])
        synced.clear()
        writer.flush()
        assert synced == [], "nothing new"
    assert synced == [run], "the last facts, once"


def test_what_was_written_before_an_error_is_settled(
    tmp_path: Path, synced: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "r"
    with RunWriter(run) as writer:
        writer.write("steps", TABLES["steps"])
        synced.clear()
        with monkeypatch.context() as broken:
            broken.setattr(writer, "_write_facts", lambda: (_ for _ in ()).throw(StoreError("no room")))
            writer.annotate(steps=1)
            with pytest.raises(StoreError, match="no room"):
                writer.flush()
        assert set(synced) == {run, run / "steps"}
        writer.flush()
        assert [part.name for part in (run / "steps").iterdir()] == ["part-000000.parquet"], "and not written again"
