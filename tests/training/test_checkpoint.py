"""Checkpoints: what is left and taken up again ends bit-equal to what was never left."""

import copy
import math

import pytest
import torch

from gradlab.recording import watch
from gradlab.tasks import Adding, Task
from gradlab.training import Checkpoint, CheckpointError, Outcome, TrainingSettings, train
from gradlab.training.checkpoint import weights_from_bytes, weights_to_bytes
from gradlab.training.clipping import CLIPPERS
from gradlab.training.optimisers import OPTIMISERS
from tests.training.bptt.tasks import EveryStep, Stream, Uneven
from tests.training.spy import SMALL, Breaking, small_model, weights

STEPS = 40
DATA: dict[str, Task] = {
    "read at the end": SMALL,
    "read at every step": EveryStep(),
    "streams": Stream(),
    "read at different ends": Adding(steps=6, longer=1.0),
    "different lengths": Uneven(),
}
SETTINGS = {
    "steps": STEPS, "batch": 4, "evaluate_every": 7, "evaluation_size": 8, "checkpoint_every": 9,
}  # fmt: skip
MODEL = {"layers": 2, "dropout": 0.4}

WAYS: list[dict] = [
    {"name": "full"},
    {"name": "truncated", "k1": 4},
    {"name": "truncated", "k1": 2, "k2": 5},
    {"name": "randomised", "length": 3},
    {"name": "randomised", "length": 6, "grain": 2, "exponent": 2.5},
    {"name": "adaptive", "longest": 4, "every": 5, "onset": 1},
]

VARIANTS: dict[str, dict] = {
    **{f"clip {kind.model_fields['name'].default}": {"clip": kind.model_fields["name"].default} for kind in CLIPPERS},
    **{
        f"optimiser {kind.model_fields['name'].default}": {"optimiser": kind.model_fields["name"].default}
        for kind in OPTIMISERS
    },
    "momentum": {"optimiser": {"name": "sgd", "momentum": 0.9}},
    "zclip that has warmed up": {"clip": {"name": "zclip", "warm_up": 5}},
}


def settings(**changes: object) -> TrainingSettings:
    return TrainingSettings.model_validate({**SETTINGS, **changes})


def straight(made: TrainingSettings, **model: object) -> tuple[bytes, Outcome, list[Checkpoint]]:
    net = small_model(**{**MODEL, **model})
    kept: list[Checkpoint] = []
    outcome = train(net, SMALL, made, seed=3, keep=kept.append)
    return weights(net), outcome, kept


def same(one: Outcome, other: Outcome) -> bool:
    fields = ("status", "steps", "final_loss", "final_score", "final_score_loss", "skipped", "reason")
    return all(repr(getattr(one, field)) == repr(getattr(other, field)) for field in fields)


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_continued_from_any_checkpoint_it_ends_the_same(changes: dict) -> None:
    made = settings(**changes)
    expected, outcome, kept = straight(made)
    assert [checkpoint.step for checkpoint in kept] == [9, 18, 27, 36, 40]
    for checkpoint in kept:
        again = small_model(**MODEL)
        torch.manual_seed(checkpoint.step)
        found = train(again, SMALL, made, seed=3, resume_from=Checkpoint.from_bytes(checkpoint.to_bytes()))
        assert weights(again) == expected, f"from step {checkpoint.step}"
        assert same(found, outcome)
        assert found.seconds >= checkpoint.state["seconds"]


@pytest.mark.parametrize("task", DATA.values(), ids=DATA)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_whatever_way_the_gradient_flows(task: Task, way: dict) -> None:
    made = settings(bptt=way)
    net, kept = small_model(task, **MODEL), []
    outcome = train(net, task, made, seed=3, keep=kept.append)
    for checkpoint in kept[:-1]:
        again = small_model(task, **MODEL)
        restored = Checkpoint.from_bytes(checkpoint.to_bytes())
        assert same(train(again, task, made, seed=3, resume_from=restored), outcome)
        assert weights(again) == weights(net), f"from step {checkpoint.step}"


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_what_it_records_is_the_same_too(cell: str) -> None:
    made = settings(measure={"bias_every": 6, "clipping_every": 5, "cliff_at": (3, 30), "cliff_points": 3}, clip=0.1)
    tables = {}
    for stop in (None, 9, 23):
        net = small_model(**MODEL, cell=cell)
        kept: list[Checkpoint] = []
        with watch(net, every=4, check_every=3) as recorder:
            train(net, SMALL, made, seed=3, recorder=recorder, keep=kept.append, until=stop)
            recorder.complete()
        frames = recorder.frames()
        if stop is not None:
            net = small_model(**MODEL, cell=cell)
            with watch(net, every=4, check_every=3) as recorder:
                recorder.resume(kept[-1].step)
                train(net, SMALL, made, seed=3, recorder=recorder, resume_from=kept[-1])
            later = recorder.frames()
            frames = {name: [one[name] for one in (frames, later) if name in one] for name in {**frames, **later}}
        else:
            frames = {name: [frame] for name, frame in frames.items()}
        tables[stop] = {
            name: "\n".join(
                frame.drop(columns=["seconds", "recording_seconds"], errors="ignore").to_csv(index=False, header=False)
                for frame in parts
            ).replace("\n\n", "\n")
            for name, parts in frames.items()
        }
    for stop in (9, 23):
        assert tables[stop].keys() == tables[None].keys() >= {
            "steps", "timesteps", "parameters", "truncation", "clipping", "cliff",
        }  # fmt: skip
        for name in tables[None]:
            assert tables[stop][name] == tables[None][name], f"table {name}, left after step {stop}"


def test_skipped_updates_and_reasons_are_remembered() -> None:
    made = settings(on_nonfinite="skip", steps=12)
    task = Breaking(after=3)
    kept: list[Checkpoint] = []
    Breaking.batches = 0
    outcome = train(small_model(task), task, made, seed=0, keep=kept.append)
    assert outcome.skipped == 1
    Breaking.batches = kept[0].step
    found = train(small_model(task), task, made, seed=0, resume_from=kept[0])
    assert same(found, outcome) and found.reason.startswith("step 3")


def test_with_other_settings_it_has_the_same_past_and_another_future() -> None:
    expected, _, kept = straight(settings())
    changed = [settings(clip=0.01), settings(optimiser="sgd"), settings(optimiser={"name": "adam", "rate": 0.1})]
    futures = set()
    for made in changed:
        net = small_model(**MODEL)
        train(net, SMALL, made, seed=3, resume_from=kept[1])
        futures.add(weights(net))
    assert len(futures | {expected}) == 4
    for made in [*changed, settings(steps=100)]:
        net = small_model(**MODEL)
        outcome = train(net, SMALL, made, seed=3, resume_from=kept[1], until=18)
        assert outcome.status == "stopped" and outcome.steps == 18
        assert weights(net) == b"".join(value.numpy().tobytes() for value in kept[1].weights.values())


def test_another_seed_draws_another_future() -> None:
    _, _, kept = straight(settings())
    futures = set()
    for seed in (3, 4, 5):
        net = small_model(**MODEL)
        train(net, SMALL, settings(), seed=seed, resume_from=kept[1])
        futures.add(weights(net))
    assert len(futures) == 3


def test_a_run_that_fails_keeps_the_checkpoint_before() -> None:
    task = Breaking(after=10)
    Breaking.batches = 0
    kept: list[Checkpoint] = []
    outcome = train(small_model(task), task, settings(), seed=0, keep=kept.append)
    assert outcome.status == "failed" and [checkpoint.step for checkpoint in kept] == [9]


def test_a_step_that_was_broken_off_is_not_kept() -> None:
    net = small_model(**MODEL)

    class BreaksOff:
        def step(self, loss: torch.Tensor, *, learning_rate: float | None = None) -> None:
            raise KeyboardInterrupt

        def clipped(self, report: object) -> None: ...

        def evaluated(self, *, score: float, loss: float) -> None: ...

    kept: list[Checkpoint] = []
    outcome = train(net, SMALL, settings(), seed=0, recorder=BreaksOff(), keep=kept.append)  # type: ignore[arg-type]
    assert outcome.status == "stopped" and outcome.steps == 0 and not kept


def test_a_checkpoint_is_a_copy() -> None:
    net = small_model(**MODEL)
    kept: list[Checkpoint] = []
    train(net, SMALL, settings(steps=9), seed=3, keep=kept.append)
    frozen = copy.deepcopy(kept[0].to_bytes())
    train(net, SMALL, settings(steps=30), seed=3, resume_from=kept[0])
    assert kept[0].to_bytes() == frozen


def test_weights_survive_as_safetensors() -> None:
    given = {
        "a.weight": torch.tensor([[1.0, math.nan], [math.inf, -0.0]]),
        "shared": torch.ones(3, dtype=torch.float64),
        "complex": torch.tensor([1 + 2j], dtype=torch.complex64),
        "count": torch.tensor(7),
        "turned": torch.arange(6.0).reshape(2, 3).T,
    }
    given["shared too"] = given["shared"]
    found = weights_from_bytes(weights_to_bytes(given, 3))
    assert found.keys() == given.keys()
    for name, weight in given.items():
        assert found[name].dtype == weight.dtype and found[name].shape == weight.shape
        assert found[name].contiguous().numpy().tobytes() == weight.contiguous().numpy().tobytes()


def test_what_is_damaged_is_told_and_nothing_in_it_is_run() -> None:
    _, _, kept = straight(settings(steps=9))
    data = kept[0].to_bytes()
    for damaged in (b"", b"not a checkpoint", data[: len(data) // 2], data[:-30]):
        with pytest.raises(CheckpointError, match="damaged"):
            Checkpoint.from_bytes(damaged)
    with pytest.raises(CheckpointError, match="safetensors"):
        weights_from_bytes(b"\x00" * 20)


def test_a_checkpoint_of_another_model_is_refused_by_name() -> None:
    _, _, kept = straight(settings(steps=9))
    with pytest.raises(CheckpointError, match=r"others at readout\.weight, recurrent\."):
        train(small_model(**MODEL, hidden=7), SMALL, settings(), seed=3, resume_from=kept[0])
