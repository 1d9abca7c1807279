"""What every store does, at every kind of address."""

import math
import pickle

import numpy as np
import pytest

from gradlab.errors import StoreError
from gradlab.quantities import AXES, TABLES
from gradlab.recording.sink import Sink
from gradlab.store import RunWriter, Store, run_id
from gradlab.store.schema import STORED_TABLES
from tests.store.rows import steps, timesteps

CONFIG = {"seed": 0, "model": {"cell": "lstm", "hidden": 8}, "clip": None, "sizes": [1, 2]}


def write_run(address, count=10, status="finished", **options):
    writer = RunWriter(address, **options)
    for step in range(count):
        writer.write("steps", steps(step))
    writer.close(status)
    return writer


def losses(run):
    return run.read("steps", ["loss"])["loss"].to_pylist()


def test_a_missing_store_is_empty(address):
    store = Store(address)
    assert store.studies() == [] and store.runs() == [] and store.problems() == []
    assert store.runs("") == []


def test_writer_is_a_sink(address):
    sink: Sink = RunWriter(f"{address}/mine")
    sink.write("steps", steps(0))
    sink.annotate(final_loss=math.nan, model={"hidden": np.int64(3), "sizes": (1, 2)})
    sink.flush()
    sink.close("finished")
    sink.close("finished")
    with pytest.raises(StoreError, match="closed"):
        sink.write("steps", steps(1))
    with pytest.raises(StoreError, match="closed"):
        sink.annotate(a=1)
    facts = Store(address).run("mine").facts
    assert math.isnan(facts["final_loss"]) and facts["model"] == {"hidden": 3, "sizes": [1, 2]}


def test_a_run_by_itself(address):
    write_run(f"{address}/mine", config=CONFIG)
    (run,) = Store(address).runs()
    assert (run.id, run.study, run.status) == ("mine", "", "finished")
    assert run.config == CONFIG
    assert run.settings == {
        "seed": 0, "model.cell": "lstm", "model.hidden": 8, "clip": None, "sizes": (1, 2),
    }  # fmt: skip
    assert run.tables() == ("steps",)
    assert losses(run) == [float(step) for step in range(10)]
    assert [listed.id for listed in Store(address).runs("")] == ["mine"]


def test_a_run_that_is_the_store_itself_is_seen(address):
    write_run(address)
    assert [run.id for run in Store(address).runs()] == ["runs"]


def test_a_study(address):
    store = Store(address)
    grid = {run_id({"seed": seed}): {"seed": seed} for seed in (3, 1, 2)}
    written = store.write_study(
        "digits", question="How far?", claims=["far"], axes=["seed"], expected=grid, facts={"file": "digits.yaml"}
    )
    for name in list(grid)[:2]:
        with store.writer(name, "digits", config=grid[name]) as writer:
            writer.write("steps", steps(0, 5))
    with store.writer("by hand", "digits") as writer:
        writer.write("steps", steps(0, 5))
    (study,) = store.studies()
    assert study == written == store.study("digits")
    assert (study.question, study.claims, study.axes) == ("How far?", ("far",), ("seed",))
    assert study.expected == tuple(grid) and study.facts == {"file": "digits.yaml"} and study.created
    # In the order of the grid, what it does not expect behind it.
    assert [run.id for run in store.runs("digits")] == [*list(grid)[:2], "by hand"]
    assert [run.settings for run in store.runs()] == [{"seed": 3}, {"seed": 1}, {}]
    again = store.write_study("digits", expected=list(grid))
    assert again.created == study.created and again.question == ""


def test_runs_are_found_by_the_beginning_of_their_id(address):
    store = Store(address)
    for study, name in (("a", "abc1"), ("a", "abd2"), ("b", "abd2"), ("", "xyz")):
        write_run(store.run_address(name, study))
    assert store.run("abc").id == "abc1"
    assert store.run("x").id == "xyz"
    assert store.run("b/abd").study == "b"
    with pytest.raises(StoreError, match="3 runs are called 'ab'"):
        store.run("ab")
    with pytest.raises(StoreError, match="2 runs are called 'abd2': a/abd2, b/abd2"):
        store.run("abd2")
    with pytest.raises(StoreError, match="did you mean 'xyz'"):
        store.run("xyy")
    with pytest.raises(StoreError, match=r"no study 'c'.* a, b"):
        store.run("c/abc")
    with pytest.raises(StoreError):
        store.run("")


def test_unmeasured_is_null_and_measured_nan_is_not(address):
    with RunWriter(f"{address}/r") as writer:
        writer.write("steps", {"step": [0, 1], "loss": [math.nan, -math.inf], "clip_fired": [True, False]})
        writer.write("steps", {"step": [2], "score": [math.inf]})
        writer.write("steps", {"step": [3, 4], "loss": np.array([None, 1.5], dtype=object)})
    found = Store(address).run("r").read("steps")
    assert found.column_names == list(TABLES["steps"].columns)
    loss = found["loss"].to_pylist()
    assert math.isnan(loss[0]) and loss[1:] == [-math.inf, None, None, 1.5]
    assert found["score"].to_pylist() == [None, None, math.inf, None, None]
    assert found["clip_fired"].to_pylist() == [True, False, None, None, None]


def test_units_and_meanings_stand_in_the_field_metadata(address):
    with RunWriter(f"{address}/r") as writer:
        writer.write("lyapunov", {
            "step": [0], "module": ["rnn"], "call": [0], "layer": [0], "direction": [0], "index": [0], "exponent": [0.5]
        })  # fmt: skip
    schema = Store(address).run("r").read("lyapunov").schema
    assert schema.field("exponent").metadata[b"unit"] == b"nats/step"


def test_parts_are_merged_on_close_and_while_writing(address):
    writer = RunWriter(f"{address}/r")
    counts = []
    for step in range(100):
        writer.write("steps", steps(step))
        writer.flush()
        counts.append(len(writer._folder.entries("steps")))
    assert max(counts) <= 35 and losses(Store(address).run("r")) == [float(step) for step in range(100)]
    writer.close("finished")
    assert [entry.name for entry in writer._folder.entries("steps")] == ["part-000000-000099.parquet"]
    assert losses(Store(address).run("r")) == [float(step) for step in range(100)]


def test_large_parts_are_left_as_they_are(address):
    writer = RunWriter(f"{address}/r")
    for first in (0, 40_000):
        writer.write("steps", steps(first, 40_000))
        writer.flush()
    writer.close("finished")
    assert len(writer._folder.entries("steps")) == 2
    run = Store(address).run("r")
    assert losses(run) == [float(step) for step in range(80_000)]
    picked = run.read("steps", ["loss"], {"step": slice(39_999, 40_002)})
    assert picked["loss"].to_pylist() == [39_999.0, 40_000.0, 40_001.0]


@pytest.mark.parametrize("rows, seconds", [(3, 1e9), (10**9, 0.0)])
def test_buffers_flush_by_themselves(address, rows, seconds):
    writer = RunWriter(f"{address}/r", buffer_rows=rows, flush_seconds=seconds)
    for step in range(3):
        writer.write("steps", steps(step))
    assert losses(Store(address).run("r")) == [0.0, 1.0, 2.0]
    writer.close("finished")


def test_nothing_is_visible_before_a_flush_and_everything_after(address):
    writer = RunWriter(f"{address}/r", flush_seconds=1e9)
    writer.write("steps", steps(0))
    run = Store(address).run("r")
    assert run.status == "running" and run.tables() == () and losses(run) == []
    before = run.fingerprint
    writer.flush()
    assert losses(run) == [0.0] and run.tables() == ("steps",) and run.fingerprint != before
    grown = run.fingerprint
    assert run.fingerprint == grown
    writer.annotate(steps=1)
    writer.flush()
    assert run.fingerprint != grown
    writer.close("stopped")
    assert Store(address).run("r").status == "stopped"


def test_columns_are_copied(address):
    loss = np.zeros(3)
    with RunWriter(f"{address}/r") as writer:
        writer.write("steps", {"step": np.arange(3), "loss": loss})
        loss[:] = 9
    assert losses(Store(address).run("r")) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "table, columns, message",
    [
        ("stepz", {}, "expected one of the tables"),
        ("runs", {"run": ["a"]}, r"annotate\(\)"),
        ("steps", {"loss": [1.0]}, "missing axes"),
        ("steps", {"step": [1], "lozz": [1.0]}, "unknown columns"),
        ("steps", {"step": [1, 2], "loss": [1.0]}, "one length"),
        ("steps", {"step": 1}, "one-dimensional"),
        ("steps", {"step": [0.5]}, "'step'"),
        ("steps", {"step": [math.nan]}, "expected a value in every row"),
        ("steps", {"step": [0], "loss": ["a"]}, "'loss'"),
        ("steps", {"step": [0], "clip_fired": [2]}, "'clip_fired'"),
        ("steps", {"step": [0], "first_nonfinite": [1.0]}, "'first_nonfinite'"),
    ],
)
def test_what_does_not_fit_the_catalogue_is_refused(address, table, columns, message):
    with RunWriter(f"{address}/r") as writer:
        with pytest.raises(ValueError, match=message):
            writer.write(table, columns)
        writer.write("steps", steps(0))
    assert losses(Store(address).run("r")) == [0.0]


def test_facts_that_json_cannot_hold_are_refused_by_name(address):
    with RunWriter(f"{address}/r") as writer:
        with pytest.raises(ValueError, match=r"model\.cell"):
            writer.annotate(model={"cell": object()})
        writer.annotate(note="ü\ud800")
    assert Store(address).run("r").facts["note"].startswith("ü")


def test_an_existing_run_is_refused_unless_resumed(address):
    write_run(f"{address}/r", 3, "stopped", config=CONFIG)
    with pytest.raises(StoreError, match=r"stands here already \(stopped\)"):
        RunWriter(f"{address}/r", config=CONFIG)
    with pytest.raises(StoreError, match="another config"):
        RunWriter(f"{address}/r", config={"seed": 1}, resume=True)
    with RunWriter(f"{address}/r", config=CONFIG, resume=True) as writer:
        writer.write("steps", steps(3))
    run = Store(address).run("r")
    assert losses(run) == [0.0, 1.0, 2.0, 3.0] and run.status == "finished" and len(run.facts["resumed"]) == 1
    with pytest.raises(StoreError, match="is finished"):
        RunWriter(f"{address}/r", resume=True)


def test_resume_starts_a_run_where_there_is_none(address):
    write_run(f"{address}/r", 2, resume=True)
    assert losses(Store(address).run("r")) == [0.0, 1.0]


@pytest.mark.parametrize("flushes", [1, 4, 40])
def test_truncate_drops_rows_of_all_tables_from_a_step_on(address, flushes):
    writer = RunWriter(f"{address}/r", flush_seconds=1e9)
    for step in range(40):
        writer.write("steps", steps(step))
        writer.write("timesteps", timesteps(step))
        if step % (40 // flushes) == 0:
            writer.flush()
    writer.truncate(25)
    run = Store(address).run("r")
    assert losses(run) == [float(step) for step in range(25)]
    assert run.read("timesteps", ["step"])["step"].to_pylist() == np.repeat(np.arange(25), 20).tolist()
    for step in range(25, 30):
        writer.write("steps", steps(step))
    writer.close("finished")
    assert losses(run) == [float(step) for step in range(30)] and Store(address).problems(deep=True) == []


def test_truncate_to_nothing_and_beyond_the_end(address):
    with RunWriter(f"{address}/r") as writer:
        writer.truncate(0)
        writer.write("steps", steps(0, 5))
        writer.truncate(99)
        assert losses(Store(address).run("r")) == [0.0, 1.0, 2.0, 3.0, 4.0]
        writer.truncate(0)
        assert losses(Store(address).run("r")) == []
        writer.write("steps", steps(7))
    assert losses(Store(address).run("r")) == [7.0] and Store(address).problems() == []


def test_artifacts(address):
    writer = RunWriter(f"{address}/r")
    writer.write_artifact("checkpoints/000100.pt", b"\x00\xff")
    writer.write_artifact("../escape.txt", b"one")
    writer.write_artifact("../escape.txt", b"two")
    assert writer.artifacts() == ["../escape.txt", "checkpoints/000100.pt"]
    assert writer.read_artifact("../escape.txt") == b"two"
    writer.close("finished")
    run = Store(address).run("r")
    assert run.artifacts() == writer.artifacts() and run.read_artifact("checkpoints/000100.pt") == b"\x00\xff"
    with pytest.raises(StoreError, match=r"no artifact 'escape.txt'.*did you mean"):
        run.read_artifact("escape.txt")
    writer.remove_artifact("../escape.txt")
    writer.remove_artifact("../escape.txt")
    assert run.artifacts() == ["checkpoints/000100.pt"]
    assert [found.id for found in Store(address).runs()] == ["r"]


def test_a_block_ends_its_run(address):
    with pytest.raises(KeyError), RunWriter(f"{address}/failed") as writer:
        writer.write("steps", steps(0))
        raise KeyError("what went wrong")
    with pytest.raises(KeyboardInterrupt), RunWriter(f"{address}/stopped"):
        raise KeyboardInterrupt
    with RunWriter(f"{address}/early") as writer:
        writer.close("failed")
    runs = {run.id: run for run in Store(address).runs()}
    assert {name: run.status for name, run in runs.items()} == {
        "failed": "failed", "stopped": "stopped", "early": "failed",
    }  # fmt: skip
    assert "what went wrong" in runs["failed"].facts["traceback"] and losses(runs["failed"]) == [0.0]
    assert runs["failed"].facts["seconds"] >= 0 and runs["failed"].facts["created"].endswith("+00:00")


def test_wrong_arguments_are_named(address):
    with pytest.raises(ValueError, match="buffer_rows"):
        RunWriter(f"{address}/r", buffer_rows=0)
    with RunWriter(f"{address}/r") as writer, pytest.raises(ValueError, match="finished, stopped, failed"):
        writer.close("done")
    with pytest.raises(ValueError, match=r"\['lozz'\]"):
        Store(address).run("r").read("steps", ["lozz"])


def test_conditions_on_rows(address):
    with RunWriter(f"{address}/r") as writer:
        writer.write("steps", steps(0, 10, clip_fired=np.arange(10) % 2 == 0))
        writer.write("steps", {"step": [10], "loss": [math.nan]})
    run = Store(address).run("r")
    read = lambda **where: run.read("steps", ["step"], where)["step"].to_pylist()  # noqa: E731
    assert read(step=3) == [3] and read(step=[2, 4, 99]) == [2, 4]
    assert read(step=slice(8, None)) == [8, 9, 10] and read(step=slice(None, 2)) == [0, 1]
    assert read(clip_fired=True, step=slice(5, None)) == [6, 8]
    assert read(loss=slice(7.5, None)) == [8, 9]


def test_what_is_listed_can_be_pickled(address):
    write_run(f"{address}/r", config=CONFIG)
    store = Store(address)
    (run,) = pickle.loads(pickle.dumps(store.runs()))
    assert run.settings["model.cell"] == "lstm" and losses(run)[:2] == [0.0, 1.0]
    assert pickle.loads(pickle.dumps(store)).run("r").id == "r"


def test_every_table_of_the_catalogue_can_be_stored(address):
    with RunWriter(f"{address}/r") as writer:
        for table in STORED_TABLES:
            axes = {axis: ["x"] if AXES[axis].kind == "text" else [1] for axis in TABLES[table].axes}
            writer.write(table, axes)
    run = Store(address).run("r")
    assert run.tables() == STORED_TABLES
    for table in STORED_TABLES:
        assert run.read(table).num_rows == 1 and run.read(table).column_names == list(TABLES[table].columns)
