"""What a net says during its training: recorded, seeded, and without a trace in the training."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gradlab.models import ModelSettings, build, sample_text, speak
from gradlab.recording import watch
from gradlab.store import Store
from gradlab.tasks import Captions, Characters, ReadAloud, Task, spelling
from gradlab.training import TrainingSettings, train
from gradlab.training.seeds import derived_seed, generator
from tests.training.bptt.test_influence_balancing import Rows
from tests.training.spy import SMALL, small_model, weights

SPEAKERS: list[Task] = [Captions(), ReadAloud(digits=3)]


@pytest.fixture
def text(tmp_path: Path) -> Characters:
    (tmp_path / "abc.txt").write_text("abcdefgh. " * 60, encoding="utf-8")
    return Characters(text="file", path=str(tmp_path / "abc.txt"), steps=12)


def trained(task: Task, steps: int = 9, seed: int = 2, **measure: Any) -> tuple[torch.nn.Module, Rows]:
    net = build(ModelSettings(cell="gru", hidden=12, layers=2, dropout=0.4), task, 0)
    rows = Rows()
    settings = TrainingSettings.model_validate(
        {"steps": steps, "batch": 4, "evaluation_size": 8, "optimiser": {"name": "adam", "rate": 0.02},
         "measure": {"clipping_every": None, "sample_length": 30, **measure}}
    )  # fmt: skip
    train(net, task, settings, seed=seed, recorder=rows)  # type: ignore[arg-type]
    return net, rows


@pytest.mark.parametrize("place", range(3))
def test_speaking_leaves_no_trace(place: int, text: Characters) -> None:
    task = [text, *SPEAKERS][place]
    nets = [trained(task, samples_every=every) for every in (None, 2, 1)]
    assert len({weights(net) for net, _ in nets}) == 1
    assert not nets[0][1].sink.tables()
    assert sorted(nets[1][1].sink.frame("samples")["step"].unique()) == [0, 2, 4, 6, 8]


def test_a_text_gets_better(text: Characters) -> None:
    _, rows = trained(text, 120, samples_every=119, sample_temperature=0.5)
    frame = rows.sink.frame("samples")
    first, last = frame["said"]
    assert frame["prompt"].tolist() == [" "] * 2 and frame["wanted"].isna().all()
    assert len(first) == len(last) == 30
    assert "abcdefgh. abc" in last and "abcd" not in first


def test_a_sample_is_a_function_of_weights_and_seed(text: Characters) -> None:
    _, rows = trained(text, 1, samples_every=1, sample_prompt="abc", sample_temperature=0.7)
    fresh = build(ModelSettings(cell="gru", hidden=12, layers=2, dropout=0.4), text, 0)
    [said] = rows.sink.frame("samples")["said"]
    assert said == sample_text(fresh, text.source, "abc", 30, seed=derived_seed(2, "samples"), temperature=0.7)
    _, again = trained(text, 1, samples_every=1, sample_prompt="abc", sample_temperature=0.7)
    _, other = trained(text, 1, seed=3, samples_every=1, sample_prompt="abc", sample_temperature=0.7)
    assert again.sink.frame("samples")["said"].tolist() == [said] != other.sink.frame("samples")["said"].tolist()


@pytest.mark.parametrize("task", SPEAKERS, ids=lambda task: task.name)
def test_speakers_speak_about_the_same_held_out_examples(task: Task) -> None:
    _, rows = trained(task, 5, samples_every=2)
    frame = rows.sink.frame("samples")
    assert list(frame["step"]) == [0] * 5 + [2] * 5 + [4] * 5 and list(frame["example"]) == [*range(5)] * 3
    batch = task.batch(5, generator(2, "samples"), "test")
    right = [spelling.text(answer) for answer in batch.targets.T]
    assert frame["wanted"].tolist() == right * 3 and frame["prompt"].isna().all()
    fresh = build(ModelSettings(cell="gru", hidden=12, layers=2, dropout=0.4), task, 0)
    said = speak(fresh, batch.inputs.given, spelling.START, len(batch.targets), torch.Generator())
    assert frame["said"].tolist()[:5] == [spelling.text(answer) for answer in said.T]


def test_other_tasks_have_nothing_to_say() -> None:
    net, rows = small_model(), Rows()
    train(net, SMALL, TrainingSettings(steps=2, batch=2, evaluation_size=2), seed=0, recorder=rows)  # type: ignore[arg-type]
    assert "samples" not in rows.sink.tables()


@pytest.mark.parametrize("place", range(3))
def test_weights_that_are_not_finite_say_nothing(place: int, text: Characters) -> None:
    task = [text, *SPEAKERS][place]
    net, rows = build(ModelSettings(hidden=4), task, 0), Rows()
    with torch.no_grad():
        net.readout.weight.fill_(float("nan"))
    settings = TrainingSettings.model_validate({"steps": 3, "batch": 2, "evaluation_size": 2})
    outcome = train(net, task, settings, seed=0, recorder=rows)  # type: ignore[arg-type]
    assert outcome.status == "failed" and "readout.weight" in outcome.reason
    assert rows.sink.frame("samples")["said"].isna().all()


def test_a_prompt_that_cannot_be_read_is_told_before_the_first_step(text: Characters) -> None:
    with pytest.raises(ValueError, match="got 'Z'"):
        trained(text, samples_every=1, sample_prompt="aZ")


def test_in_the_store_missing_is_null(tmp_path: Path, text: Characters) -> None:
    net = build(ModelSettings(hidden=4), text, 0)
    with Store(tmp_path / "store").writer("one", "mine", config={}) as writer, watch(net, sink=writer) as recorder:
        train(net, text, TrainingSettings(steps=2, batch=2, evaluation_size=2), seed=0, recorder=recorder)
    [run] = Store(tmp_path / "store").runs("mine")
    read = run.read("samples").to_pydict()
    assert read["step"] == [0] and read["wanted"] == [None] and len(read["said"][0]) == 200
    assert np.array_equal(read["prompt"], [" "])
