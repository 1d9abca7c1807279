"""`gradlab fork`: the same past, another future, and both know of each other."""

from pathlib import Path

import pytest

from gradlab.errors import ConfigError, StoreError
from gradlab.store import RunInfo, Store
from gradlab.study.fork import fork
from gradlab.study.listener import Silence
from gradlab.study.plan import read_study
from gradlab.study.remaining import register
from gradlab.study.runners.inline import Inline
from gradlab.training import CheckpointError
from tests.cli.command import gradlab

STUDY = """
question: which way?
task: {name: characters, text: file, path: TEXT, steps: 8}
model: {hidden: 4, layers: 2, dropout: 0.2}
training:
  {steps: 40, batch: 4, clip: 0.5, evaluate_every: 10, evaluation_size: 8, checkpoint_every: 15,
   measure: {clipping_every: 9, samples_every: 7, sample_length: 9}}
record: {every: 6}
seed: 2
"""
TIMING = ("seconds", "recording_seconds")


@pytest.fixture
def parent(tmp_path: Path) -> RunInfo:
    (tmp_path / "text.txt").write_text("Which way? This way, or that way.\n" * 30)
    (tmp_path / "ways.yaml").write_text(STUDY.replace("TEXT", str(tmp_path / "text.txt")))
    study = read_study(tmp_path / "ways.yaml")
    register(study, str(tmp_path / "runs"))
    Inline()(study.runs, study.name, str(tmp_path / "runs"), Silence())
    [run] = Store(tmp_path / "runs").runs("ways")
    return run


def forked(parent: RunInfo, at: int, *overrides: str) -> RunInfo:
    store = str(Path(parent.path).parent.parent)
    planned, study = fork(store, parent.id, at, overrides)
    [ended] = Inline()([planned], study, store, Silence())
    assert ended.status == "finished"
    return Store(store).run(f"{study}/{planned.id}")


def rows(run: RunInfo, table: str, until: int | None = None) -> str:
    read = run.read(table, where=None if until is None else {"step": slice(None, until)})
    read = read.select([name for name in read.column_names if name not in TIMING])
    return repr(read.to_pydict())


@pytest.mark.parametrize("at", [1, 15, 29, 40])
def test_without_a_change_the_future_is_the_parents(parent: RunInfo, at: int) -> None:
    child = forked(parent, at)
    assert child.read_artifact("weights.safetensors") == parent.read_artifact("weights.safetensors")
    assert child.tables() == parent.tables()
    for table in parent.tables():
        assert rows(child, table) == rows(parent, table), table


def test_the_past_is_shared_and_the_future_is_not(parent: RunInfo) -> None:
    child = forked(parent, 20, "training.clip=0.01", "training.optimiser.rate=0.05")
    for table in parent.tables():
        assert rows(child, table, 20) == rows(parent, table, 20), table
        assert rows(child, table) != rows(parent, table), table
    thresholds = child.read("steps")["clip_threshold"].to_pylist()
    assert thresholds == [0.5] * 20 + [0.01] * 20
    assert child.facts["parent"] == f"ways/{parent.id}" and child.facts["forked_at"] == 20
    varied = {"forked_at": 20, "training.clip.threshold": 0.01, "training.optimiser.rate": 0.05}
    assert child.facts["varied"] == varied
    assert child.config["training"]["clip"]["threshold"] == 0.01
    assert child.study == "ways-forks" and [run.id for run in Store(Path(parent.path).parent.parent).runs("ways")] == [
        parent.id
    ], "the study's own runs, of which its claims speak, are left alone"


def test_longer_another_seed_another_record_and_a_fork_of_a_fork(parent: RunInfo) -> None:
    longer = forked(parent, 40, "training.steps=60")
    assert longer.facts["steps"] == 60
    other = forked(parent, 10, "seed=9", "record.every=1")
    assert other.read("steps")["loss"].to_pylist()[:10] == parent.read("steps")["loss"].to_pylist()[:10]
    assert other.read("steps")["loss"].to_pylist()[10:] != parent.read("steps")["loss"].to_pylist()[10:]
    recorded = sorted(set(other.read("timesteps")["step"].to_pylist()))
    assert recorded == [0, 6, *range(10, 40)]
    again = forked(other, 30, "seed=10")
    assert again.facts["parent"] == f"ways-forks/{other.id}" and again.study == "ways-forks"
    assert len({parent.id, longer.id, other.id, again.id}) == 4
    expected = Store(Path(parent.path).parent.parent).study("ways-forks").expected
    assert set(expected) == {longer.id, other.id, again.id}


def test_what_cannot_be_is_told_before_anything_is_written(parent: RunInfo) -> None:
    store = str(Path(parent.path).parent.parent)
    for at in (0, 41):
        with pytest.raises(StoreError, match=f"a step from 1 to 40 to fork at, got {at}"):
            fork(store, parent.id, at)
    with pytest.raises(ConfigError, match="2 mistakes"):
        fork(store, parent.id, 5, ["model.hiden=3", "training.steps=-1"])
    assert [study.name for study in Store(store).studies()] == ["ways"]
    with pytest.raises(CheckpointError, match="task and model must be those"):
        fork(store, parent.id, 5, ["model.hidden=3"])
    assert Store(store).runs("ways-forks") == []


def test_on_the_command_line(parent: RunInfo, tmp_path: Path) -> None:
    done = gradlab("fork", parent.id[:6], "--at", "12", "training.clip=0.1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    [child] = Store(tmp_path / "runs").runs("ways-forks")
    assert f"The fork is ways-forks/{child.id}." in done.stdout
    again = gradlab("fork", parent.id[:6], "--at", "12", "training.clip=0.1", cwd=tmp_path)
    assert again.returncode == 0 and "is finished already" in again.stdout
    wrong = gradlab("fork", "nothing", "--at", "3", cwd=tmp_path)
    assert wrong.returncode == 2 and "Traceback" not in wrong.stderr
