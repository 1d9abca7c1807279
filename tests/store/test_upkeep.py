"""Listing, pruning and merging of stores."""

import gc

import pytest

from gradlab.errors import StoreError
from gradlab.store import RunWriter, Store, ls, merge, prune, repair, run_id, unexpected, verify
from tests.store.rows import steps, timesteps


def filled(address, study="s", seeds=(1, 2), rows=5):
    store = Store(address)
    grid = {run_id({"seed": seed}): {"seed": seed} for seed in seeds}
    store.write_study(study, question=f"asked at {seeds}", axes=["seed"], expected=grid)
    for name, config in grid.items():
        with store.writer(name, study, config=config) as writer:
            writer.write("steps", steps(0, rows))
            writer.write("timesteps", timesteps(0))
            writer.write_artifact("a/b", name.encode())
    return store


def test_ls(address):
    store = filled(address)
    listings = ls(store)
    assert [(item.study, item.status, item.tables) for item in listings] == [
        ("s", "finished", {"steps": 1, "timesteps": 1})
    ] * 2
    assert all(item.size > 1000 and item.created for item in listings)
    with pytest.raises(StoreError):
        ls(store, "t")


def test_prune_what_the_grid_no_longer_holds(address):
    store = filled(address, seeds=(1, 2, 3))
    keep = run_id({"seed": 2})
    RunWriter(f"{address}/alone").close("finished")
    store.write_study("s", expected=[keep])
    assert len(prune(store, unexpected(store))) == 2
    assert [run.id for run in store.runs()] == ["alone", keep]


def test_prune_leaves_live_runs(address):
    store = Store(address)
    writer = store.writer("live")
    assert prune(store, lambda run: True) == [] and repair(store) == []
    writer.close("failed")
    assert prune(store, lambda run: run.status == "failed") == ["live"] and store.runs() == []


def test_repair_closes_runs_of_dead_writers(address):
    store = Store(address)
    writer = store.writer("r")
    writer.write("steps", steps(0))
    writer.flush()
    del writer
    gc.collect()
    assert store.run("r").status == "lost"
    assert [sentence.endswith("closed as stopped") for sentence in repair(store)] == [True]
    assert store.run("r").status == "stopped" and store.run("r").read("steps").num_rows == 1


def test_merge_of_two_stores(address, tmp_path):
    target, source = filled(address, seeds=(1, 2)), filled(tmp_path / "other", seeds=(2, 3), rows=9)
    with source.writer("alone") as writer:
        writer.write("steps", steps(0, 2))
    live = source.writer("live")
    copied = merge(target, [source])
    live.close("finished")
    assert sorted(copied) == sorted(["alone", run_id({"seed": 3})])
    assert merge(target, [source]) == ["live"]
    rows = {run.id: run.read("steps").num_rows for run in target.runs()}
    assert rows == {
        "alone": 2, "live": 0, run_id({"seed": 1}): 5, run_id({"seed": 2}): 5, run_id({"seed": 3}): 9,
    }  # fmt: skip
    study = target.study("s")
    assert study.question == "asked at (1, 2)" and len(study.expected) == 3
    assert target.run(run_id({"seed": 3})).read_artifact("a/b") == run_id({"seed": 3}).encode()
    assert verify(target) == []
