"""The disk fails: one clear error, and what was recorded before is intact."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from gradlab.errors import StoreError
from gradlab.store import RunWriter, Store
from gradlab.store import local as local_folder
from tests.store.rows import steps

NOBODY = 65534


@pytest.fixture
def unprivileged():
    """Permissions do not hold for root: step down while the test runs."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


@pytest.fixture
def readable(tmp_path):
    """A folder that anybody may enter."""
    path = tmp_path
    while path != Path("/"):
        try:
            path.chmod(path.stat().st_mode | 0o755)
        except PermissionError:
            break
        path = path.parent
    return tmp_path


def recorded(path, count):
    run = Store(path.parent).run(path.name)
    assert run.read("steps", ["step"])["step"].to_pylist() == list(range(count))
    return run


def test_a_read_only_folder(readable, unprivileged):
    if os.geteuid() == NOBODY:
        os.seteuid(0)
    with RunWriter(readable / "r") as writer:
        writer.write("steps", steps(0, 3))
    shutil.copytree(readable / "r", readable / "stopped")
    for path in [readable, *readable.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    with pytest.raises(StoreError, match=r"cannot open the run for writing: no permission; .*--store"):
        RunWriter(readable / "new")
    with pytest.raises(StoreError, match="cannot write the study: no permission"):
        Store(readable).write_study("s")
    assert recorded(readable / "r", 3).status == "finished"
    assert Store(readable).problems(deep=True) == []


class FullDisk:
    """Stands for `os.fsync` or `os.write` on a disk without room."""

    def __init__(self, monkeypatch, code):
        self.code, self.full = code, False
        real = os.fsync

        def fsync(descriptor):
            if self.full:
                raise OSError(self.code, os.strerror(self.code))
            real(descriptor)

        monkeypatch.setattr(local_folder.os, "fsync", fsync)


@pytest.mark.parametrize("code, word", [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota"), (errno.EIO, "error")])
def test_a_full_disk_is_told_once_and_survived(tmp_path, monkeypatch, code, word):
    disk = FullDisk(monkeypatch, code)
    writer = RunWriter(tmp_path / "r", flush_seconds=1e9)
    writer.write("steps", steps(0, 3))
    writer.flush()
    disk.full = True
    writer.write("steps", steps(3, 2))
    with pytest.raises(StoreError, match=rf"cannot write steps/part-000001\.parquet: .*{word}"):
        writer.flush()
    with pytest.raises(StoreError, match=word):
        writer.close("finished")
    with pytest.raises(StoreError, match=word):
        writer.write_artifact("checkpoint", b"x")
    recorded(tmp_path / "r", 3)
    assert not list(tmp_path.rglob(".tmp-*"))
    disk.full = False
    writer.write("steps", steps(5))
    writer.close("finished")
    assert recorded(tmp_path / "r", 6).status == "finished"


def test_a_disk_that_fills_while_a_part_is_written(tmp_path, monkeypatch):
    writer = RunWriter(tmp_path / "r", flush_seconds=1e9)
    writer.write("steps", steps(0, 3))
    writer.flush()
    real = Path.open

    class Full:
        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def __enter__(self):
            self.file.__enter__()
            return self

        def __exit__(self, *error):
            return self.file.__exit__(*error)

        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def opened(self, mode="r", *args, **kwargs):
        file = real(self, mode, *args, **kwargs)
        return Full(file) if mode == "wb" else file

    monkeypatch.setattr(Path, "open", opened)
    writer.write("steps", steps(3))
    with pytest.raises(StoreError, match="the disk is full"):
        writer.flush()
    monkeypatch.undo()
    recorded(tmp_path / "r", 3)
    assert not list(tmp_path.rglob(".tmp-*"))
    writer.close("finished")
    recorded(tmp_path / "r", 4)


def test_a_disk_that_fills_at_a_merge_loses_nothing(tmp_path, monkeypatch):
    writer = RunWriter(tmp_path / "r", flush_seconds=1e9)
    for step in range(3):
        writer.write("steps", steps(step))
        writer.flush()
    disk = FullDisk(monkeypatch, errno.ENOSPC)
    disk.full = True
    with pytest.raises(StoreError, match="disk is full"):
        writer.truncate(1)
    recorded(tmp_path / "r", 3)
    disk.full = False
    writer.truncate(1)
    writer.close("finished")
    recorded(tmp_path / "r", 1)


def test_a_folder_that_vanishes_is_an_error_and_not_a_new_run(tmp_path):
    writer = RunWriter(tmp_path / "r", flush_seconds=1e9)
    writer.write("steps", steps(0))
    writer.flush()
    shutil.rmtree(tmp_path / "r")
    writer.write("steps", steps(1))
    for _ in range(2):
        with pytest.raises(StoreError, match="folder has vanished"):
            writer.flush()
    assert list(tmp_path.iterdir()) == []
    assert Store(tmp_path).runs() == []


def test_a_table_that_vanishes_is_noticed_by_its_gap(tmp_path):
    writer = RunWriter(tmp_path / "r", flush_seconds=1e9)
    writer.write("steps", steps(0))
    writer.flush()
    shutil.rmtree(tmp_path / "r" / "steps")
    writer.write("steps", steps(1))
    writer.close("finished")
    assert [problem.path for problem in Store(tmp_path).problems()] == [
        str(tmp_path / "r" / "steps" / "part-000000.parquet")
    ]


def test_a_file_where_the_store_should_be(tmp_path):
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(StoreError, match="a file stands where a folder is needed"):
        RunWriter(tmp_path / "runs" / "r")
    assert Store(tmp_path / "runs").runs() == []


def test_an_unknown_protocol_is_named():
    with pytest.raises(StoreError, match="nosuch://bucket"):
        Store("nosuch://bucket/runs")
