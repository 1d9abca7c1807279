"""The suite of sick and healthy set-ups: known causes, tiny nets, a few seconds each.

Thresholds were first chosen while looking at `DEVELOPMENT` alone, and mended with `LATER` in sight, which has other
seeds, and for every rule other tasks, cells or sizes. What no rule was made for stands in `held_out_sick.py` and
`held_out_well.py`.
"""

from __future__ import annotations

from typing import Any

from tests.diagnosis.running import SetUp

BASE: dict[str, Any] = {
    "training.steps": 150,
    "training.batch": 16,
    "training.evaluate_every": 50,
    "training.measure.clipping_every": None,
    "record.every": 15,
    "record.tables": ("lyapunov",),
}


def _task(words: str) -> dict[str, Any]:
    """`adding 40` as settings: the name of a task and its length."""
    name, _, length = words.partition(" ")
    size = {"adding": "steps", "temporal_order": "steps", "parity": "steps", "flip_flop": "steps", "digits": "order"}
    key = size.get(name, "delay")
    return {"task.name": name, f"task.{key}": length if key == "order" else int(length)}


def set_up(cause: str, cell: str, task: str, seed: int, *, hidden: int = 24, tied: bool = False, **more: Any) -> SetUp:
    """A net for a task; `more` are settings, `__` for a dot; words for an initialiser and an optimiser."""
    settings: dict[str, Any] = {**BASE, **_task(task), "seed": seed, "model.hidden": hidden, "model.cell": cell}
    if cell == "relu":
        settings |= {"model.cell": "rnn", "model.nonlinearity": "relu"}
    for key, value in more.items():
        settings[_SHORT.get(key, key.replace("__", "."))] = value
    return SetUp(f"{cause or 'well'}-{cell}-{task.replace(' ', '')}-{seed}", cause, settings, tied)


_SHORT = {
    "start": "model.initialiser",
    "by": "training.optimiser",
    "clip": "training.clip",
    "bptt": "training.bptt",
    "steps": "training.steps",
}


def gauss(gain: float) -> dict[str, Any]:
    """Gaussian recurrent weights."""
    return {"name": "gaussian", "gain": gain}


def orthogonal(gain: float = 1.0) -> dict[str, Any]:
    """Orthogonal recurrent weights."""
    return {"name": "orthogonal", "gain": gain}


def identity(scale: float = 1.0) -> dict[str, Any]:
    """The identity."""
    return {"name": "identity", "scale": scale}


def sgd(rate: float) -> dict[str, Any]:
    """Stochastic gradient descent."""
    return {"name": "sgd", "rate": rate}


def adam(rate: float) -> dict[str, Any]:
    """Adam."""
    return {"name": "adam", "rate": rate}


def norm(threshold: float) -> dict[str, Any]:
    """Clipping of the norm."""
    return {"name": "norm", "threshold": threshold}


def value(threshold: float) -> dict[str, Any]:
    """Clipping of values."""
    return {"name": "value", "threshold": threshold}


def window(k1: int, k2: int) -> dict[str, Any]:
    """Truncated backpropagation."""
    return {"name": "truncated", "k1": k1, "k2": k2}


BIAS: dict[str, Any] = {"training__measure__bias_every": 30}
LAGS: dict[str, Any] = {"record__tables": ("lags", "lyapunov")}

SICK_DEVELOPMENT: tuple[SetUp, ...] = (
    set_up("vanishing", "rnn", "delayed_recall 30", 0, by=adam(1e-3)),
    set_up("vanishing", "lstm", "adding 60", 1, hidden=16, by=adam(1e-3)),
    set_up("exploding", "relu", "adding 40", 2, start=gauss(1.9), by=sgd(1e-3)),
    set_up("exploding", "rnn", "adding 50", 3, hidden=48, start=gauss(3.0), by=sgd(1e-3)),
    set_up("chaotic", "rnn", "delayed_recall 40", 4, hidden=32, start=gauss(2.5), by=adam(1e-4)),
    set_up("near_critical", "rnn", "delayed_recall 12", 5, hidden=32, start=orthogonal(1.05), by=adam(1e-4)),
    set_up("saturated_gates", "lstm", "delayed_recall 20", 6, start=gauss(30), by=adam(1e-3)),
    set_up("saturated_gates", "gru", "adding 30", 7, start=orthogonal(40), by=adam(1e-3)),
    set_up("saturated_units", "rnn", "delayed_recall 20", 8, start=gauss(15), by=adam(1e-3)),
    set_up("dead_relus", "relu", "delayed_recall 15", 9, by=adam(0.5)),
    set_up("dead_relus", "relu", "temporal_order 20", 10, hidden=16, by=sgd(3.0), clip=norm(1.0)),
    set_up("clipping_always", "lstm", "adding 20", 11, hidden=16, by=sgd(0.1), clip=norm(1e-3)),
    set_up("clipping_always", "gru", "delayed_recall 8", 12, by=sgd(0.3), clip=norm(2e-3)),
    set_up("clipping_never", "lstm", "delayed_recall 10", 13, by=adam(3e-3), clip=norm(1e3)),
    set_up("clipping_threshold", "gru", "adding 15", 14, by=sgd(0.05), clip=value(1e-4)),
    set_up("clipping_threshold", "lstm", "adding 20", 15, hidden=16, by=sgd(0.3), clip=norm(0.1)),
    set_up("truncation_bias", "gru", "delayed_recall 20", 16, bptt=window(4, 4), by=adam(3e-3), **BIAS),
    set_up("truncation_bias", "lstm", "copy_memory 5", 17, bptt=window(5, 5), by=adam(1e-2), **BIAS),
    set_up("initial_scale", "rnn", "adding 30", 18, start=gauss(6), by=adam(1e-3)),
    set_up("initial_scale", "rnn", "delayed_recall 20", 19, start=identity(0.05), by=adam(1e-3)),
    set_up("forget_bias", "lstm", "adding 30", 20, model__forget_bias=-3.0, by=adam(1e-3)),
    set_up("forget_bias", "lstm", "delayed_recall 25", 21, hidden=32, model__forget_bias=-2.0, by=adam(1e-3)),
    set_up("learning_rate", "lstm", "adding 20", 22, by=adam(0.5)),
    set_up("learning_rate", "rnn", "digits row", 23, by=adam(0.3)),
    set_up("nonfinite", "relu", "delayed_recall 100", 24, start=gauss(6), by=sgd(1e-2)),
    set_up("nonfinite", "relu", "adding 40", 25, start=identity(1.0), by=sgd(5.0)),
    set_up("instrument", "rnn", "delayed_recall 10", 26, hidden=8, tied=True),
)

SICK_LATER: tuple[SetUp, ...] = (
    set_up("vanishing", "gru", "delayed_recall 50", 100, hidden=20, by=adam(1e-3)),
    set_up("vanishing", "rnn", "temporal_order 50", 101, hidden=32, by=sgd(1e-2)),
    set_up("vanishing", "mgu", "adding 70", 102, hidden=12, by=adam(2e-3)),
    set_up("exploding", "relu", "delayed_recall 40", 103, hidden=20, start=identity(1.3), by=sgd(1e-3)),
    set_up("exploding", "relu", "temporal_order 30", 104, hidden=32, start=orthogonal(2.2), by=adam(1e-3)),
    set_up("chaotic", "rnn", "temporal_order 50", 105, hidden=48, start=orthogonal(3.0), by=adam(3e-4)),
    set_up("chaotic", "rnn", "adding 60", 106, hidden=40, start=gauss(3.0), by=sgd(1e-3)),
    set_up("near_critical", "relu", "adding 25", 107, hidden=16, start=identity(1.0), by=adam(1e-4)),
    set_up("saturated_gates", "lstm", "temporal_order 25", 108, hidden=32, start=orthogonal(50), by=sgd(1e-2)),
    set_up("saturated_gates", "gru", "delayed_recall 15", 109, hidden=16, start=gauss(60), by=adam(1e-3)),
    set_up("saturated_units", "rnn", "temporal_order 30", 110, hidden=16, start=orthogonal(20), by=adam(1e-3)),
    set_up("saturated_units", "rnn", "parity 12", 111, hidden=32, start=gauss(25), by=sgd(1e-2)),
    set_up("dead_relus", "relu", "parity 16", 112, hidden=32, by=adam(1.0)),
    set_up("clipping_always", "rnn", "temporal_order 12", 113, hidden=32, by=sgd(0.2), clip=norm(3e-3)),
    set_up("clipping_always", "lstm", "digits row", 114, hidden=32, by=sgd(0.3), clip=norm(5e-3)),
    set_up("clipping_never", "gru", "adding 12", 115, hidden=32, by=adam(5e-3), clip=norm(500)),
    set_up("clipping_never", "rnn", "digits row", 116, hidden=16, by=sgd(0.1), clip=norm(2e3)),
    set_up("clipping_threshold", "lstm", "delayed_recall 8", 117, hidden=32, by=sgd(0.3), clip=value(1e-4)),
    set_up("clipping_threshold", "rnn", "temporal_order 15", 118, hidden=20, by=sgd(0.1), clip=value(2e-4)),
    set_up("clipping_threshold", "gru", "adding 18", 129, hidden=32, by=sgd(0.3), clip=norm(0.1)),
    set_up("truncation_bias", "rnn", "delayed_recall 15", 119, bptt=window(3, 3), by=adam(3e-3), **BIAS),
    set_up("truncation_bias", "gru", "copy_memory 8", 120, hidden=32, bptt=window(4, 4), by=adam(1e-2), **BIAS),
    set_up("initial_scale", "rnn", "temporal_order 30", 121, hidden=40, start={"name": "pascanu", "form": "sigmoid"}),
    set_up("initial_scale", "lstm", "adding 25", 122, hidden=20, start=gauss(40), by=adam(1e-3)),
    set_up("forget_bias", "lstm", "temporal_order 40", 123, hidden=20, model__forget_bias=-4.0, by=adam(1e-3)),
    set_up("forget_bias", "peephole_lstm", "delayed_recall 15", 124, hidden=16, model__forget_bias=-3.0, by=adam(1e-3)),
    set_up("learning_rate", "gru", "delayed_recall 10", 125, hidden=32, by=adam(1.0)),
    set_up("learning_rate", "lstm", "digits row", 126, hidden=16, by=sgd(50.0)),
    set_up("nonfinite", "relu", "temporal_order 100", 127, hidden=32, start=orthogonal(6), by=adam(1e-3)),
    set_up("instrument", "lstm", "delayed_recall 8", 128, hidden=4, tied=True, task__symbols=16),
)

HEALTHY_DEVELOPMENT: tuple[SetUp, ...] = (
    set_up("", "gru", "adding 10", 200, by=adam(1e-2), clip=norm(1.0), steps=400),
    set_up("", "lstm", "delayed_recall 6", 201, by=adam(1e-2), model__forget_bias=1.0, steps=300),
    set_up("", "rnn", "delayed_recall 6", 202, start=orthogonal(), by=adam(3e-3), steps=300),
    set_up("", "lstm", "digits row", 203, hidden=32, by=adam(1e-2), clip=norm(1.0), steps=300),
    set_up("", "gru", "temporal_order 10", 204, by=adam(1e-2), steps=300),
    set_up("", "relu", "delayed_recall 8", 205, start=identity(), by=adam(3e-3), clip=norm(1.0), steps=300),
    # still learning
    set_up("", "gru", "digits row", 206, hidden=32, by=adam(1e-3), steps=120),
    set_up("", "lstm", "delayed_recall 12", 207, hidden=32, start="chrono", by=adam(3e-3), steps=100),
    set_up("", "rnn", "digits row", 208, hidden=32, start=orthogonal(), by=sgd(0.05), clip=norm(5.0), steps=120),
    set_up("", "gru", "copy_memory 1", 209, hidden=32, by=adam(1e-2), steps=100, **LAGS),
)

HEALTHY_LATER: tuple[SetUp, ...] = (
    set_up("", "lstm", "adding 8", 300, hidden=32, by=adam(1e-2), clip=norm(1.0), steps=400),
    set_up("", "gru", "delayed_recall 8", 301, hidden=16, by=adam(1e-2), steps=300),
    set_up("", "rnn", "temporal_order 10", 302, hidden=32, start=orthogonal(), by=adam(3e-3), steps=400),
    set_up("", "rnn", "digits row", 303, hidden=48, by=adam(3e-3), clip=norm(2.0), steps=300),
    set_up("", "gru", "digits row", 304, hidden=24, by=sgd(0.5), clip=norm(1.0), steps=300),
    set_up("", "relu", "digits row", 305, hidden=32, start=identity(), by=adam(3e-3), clip=norm(1.0), steps=300),
    # still learning
    set_up("", "lstm", "digits row", 306, hidden=48, by=adam(2e-3), model__layers=2, steps=120),
    set_up("", "gru", "delayed_recall 15", 307, hidden=32, start="chrono", by=adam(3e-3), steps=120),
    set_up("", "mgu", "digits row", 308, hidden=32, by=adam(3e-3), steps=100),
    set_up("", "lstm", "temporal_order 12", 309, hidden=32, by=adam(3e-3), model__forget_bias=2.0, steps=120),
)

SICK = SICK_DEVELOPMENT + SICK_LATER
HEALTHY = HEALTHY_DEVELOPMENT + HEALTHY_LATER
DEVELOPMENT = SICK_DEVELOPMENT + HEALTHY_DEVELOPMENT
LATER = SICK_LATER + HEALTHY_LATER
