"""Frames of many runs: columns, conditions, joins, and what happens to what was not measured."""

import math

import numpy as np
import pandas as pd
import pytest

from gradlab.errors import StoreError
from gradlab.quantities import TABLES
from gradlab.reports import load
from gradlab.store import Store


def test_runs_have_settings_and_facts_as_columns(filled):
    frame = load(filled, study="reach")
    assert list(frame.columns[:4]) == ["run", "study", "status", "seed"]
    assert len(frame) == 11 and set(frame["model.cell"]) == {"rnn", "lstm"} and set(frame["status"]) == {"finished"}
    assert set(TABLES["runs"].columns) <= set(frame.columns)
    assert frame["training.steps"].eq(30).all() and frame["steps"].eq(30).all()
    assert frame["final_loss"].dtype == np.float64 and frame["final_loss"].isna().sum() == 1
    assert frame["sizes"][0] == (1, 2) and "pid" not in frame
    assert frame.groupby("model.cell", sort=False)["final_score"].median().to_dict() == {"rnn": 0.6, "lstm": 0.6}
    clipped = frame[frame["training.clipping.name"] == "norm"]
    assert len(clipped) == 5 and clipped["training.clipping.max_norm"].eq(1.0).all()


def test_an_address_does_as_well_as_a_store(filled):
    pd.testing.assert_frame_equal(load(filled.address), load(filled))


def test_a_table_has_the_run_and_every_column_of_the_catalogue(filled):
    frame = load(filled, "steps")
    assert list(frame.columns) == ["run", *TABLES["steps"].columns] and len(frame) == 11 * 30
    assert list(dict.fromkeys(frame["run"])) == [run.id for run in filled.runs("reach")]
    assert frame["loss"].isna().sum() == 9 and frame["clip_fired"].dtype == bool and frame["score"].isna().all()
    assert frame["step"].dtype == np.int64


def test_columns_and_settings(filled):
    frame = load(filled, "timesteps", columns=["t", "grad_h"], with_settings=["model.cell", "seed", "study"])
    assert list(frame.columns) == ["run", "model.cell", "seed", "study", "t", "grad_h"]
    ends = frame[frame["t"] == 39]
    assert (ends["grad_h"] == 1).all() and len(ends) == 33 and frame["seed"].dtype == np.int64
    assert np.allclose(frame.loc[frame["t"] == 38, "grad_h"].unique(), [0.5, 0.95])
    assert list(load(filled, "steps", columns=["run"]).columns) == ["run"]
    assert len(load(filled, "steps", columns=[])) == 330
    assert list(load(filled, columns=["final_score"]).columns) == ["run", "final_score"]


def test_conditions_on_columns_settings_and_facts(filled):
    frame = load(
        filled, "timesteps", columns=["step"], where={"step": [0, 20], "model.cell": "lstm", "seed": slice(1, None)}
    )
    assert set(frame["step"]) == {0, 20} and frame["run"].nunique() == 3
    assert len(load(filled, where={"training.clipping.name": "norm", "status": "finished"})) == 5
    assert len(load(filled, where={"training.clipping.name": None})) == 6
    assert len(load(filled, where={"final_score": slice(0.65, None)})) == 3
    assert load(filled, where={"model.cell": "gru"}).empty
    assert load(filled, "steps", where={"model.cell": "gru"}).empty


def test_runs_are_picked_by_id(filled):
    runs = filled.runs("reach")
    frame = load(filled, "steps", runs=[runs[3].id[:8], runs[1]])
    assert list(dict.fromkeys(frame["run"])) == [runs[3].id, runs[1].id]
    assert load(filled, runs=runs[0].id)["run"].tolist() == [runs[0].id]


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"table": "step"}, ValueError, "expected one of the tables"),
        ({"study": "reech"}, StoreError, "did you mean 'reach'"),
        ({"runs": "nothing"}, StoreError, "no run 'nothing'"),
        ({"table": "steps", "columns": ["lozz"]}, ValueError, "lozz"),
        ({"columns": ["model.sell"]}, ValueError, "model.sell"),
        ({"table": "steps", "with_settings": ["model.sell"]}, ValueError, "did you mean 'model.cell'"),
        ({"where": {"model.sell": 1}}, ValueError, "did you mean 'model.cell'"),
    ],
)
def test_mistakes_are_named(filled, arguments, error, message):
    with pytest.raises(error, match=message):
        load(filled, **arguments)


def test_an_empty_store_gives_empty_frames(tmp_path):
    for table in TABLES:
        frame = load(tmp_path, table)
        assert frame.empty and frame.columns[0] == "run"
    assert load(tmp_path, "steps", where={"model.cell": "rnn"}, with_settings=["seed"]).empty


def test_several_studies(tmp_path):
    store = Store(tmp_path)
    for study in "ab":
        store.write_study(study)
        with store.writer("same", study, config={"study_letter": study}) as writer:
            writer.write("steps", {"step": [0], "loss": [1.0]})
    frame = load(store, "steps", study=["b", "a"], columns=["loss"], with_settings=["study"])
    assert frame["study"].tolist() == ["b", "a"] and len(load(store)) == 2 and len(load(store, study="a")) == 1


def test_unmeasured_and_mixed_columns(tmp_path):
    store = Store(tmp_path)
    for name, setting in (("a", 1), ("b", "auto"), ("c", None)):
        with store.writer(name, config={"x": setting, "study": "mine"}) as writer:
            writer.write("steps", {"step": [0, 1], "loss": [math.inf, -math.inf]})
            if name == "b":
                writer.write("steps", {"step": [2], "clip_fired": [True]})
    frame = load(store, "steps", with_settings=["x"])
    assert frame["loss"].tolist()[:2] == [math.inf, -math.inf] and math.isnan(frame["loss"][4])
    assert frame["clip_fired"].dtype == np.float64 and frame["clip_fired"].sum() == 1.0
    assert frame["x"].tolist()[:3] == [1, 1, "auto"]
    runs = load(store)
    assert runs["x"].tolist() == [1, "auto", None] and runs["study"].tolist() == [""] * 3
    assert runs["config.study"].tolist() == ["mine"] * 3


def test_damage_is_told_in_the_frame(tmp_path, caplog):
    store = Store(tmp_path)
    for name in "ab":
        with store.writer(name) as writer:
            writer.write("steps", {"step": [0], "loss": [1.0]})
    path = next(tmp_path.glob("a/steps/*"))
    path.write_bytes(path.read_bytes()[:-3])
    frame = load(store, "steps")
    assert frame["run"].tolist() == ["b"]
    assert len(frame.attrs["problems"]) == 1 and str(path) in frame.attrs["problems"][0] and str(path) in caplog.text
    assert "problems" not in load(store, "steps", runs="b").attrs
