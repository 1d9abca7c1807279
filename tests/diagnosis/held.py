"""Writes down a set-up that learns, and a fault that makes it sick: the words of the held-out set."""

from __future__ import annotations

from typing import Any

from tests.diagnosis.running import SetUp

_SHORT = {
    "start": "model.initialiser",
    "layers": "model.layers",
    "embedding": "model.embedding",
    "forget": "model.forget_bias",
    "cell": "model.cell",
    "by": "training.optimiser",
    "clip": "training.clip",
    "bptt": "training.bptt",
    "schedule": "training.schedule",
    "bias_every": "training.measure.bias_every",
    "record": "record.every",
    "tables": "record.tables",
    "told": "hand.told",
    "units": "hand.units",
    "bias": "hand.bias",
    "gap_at": "hand.gap_at",
    "both_ways": "hand.bidirectional",
}


def held(
    cause: str,
    seed: int,
    task: str,
    cell: str,
    hidden: int,
    by: dict[str, Any],
    steps: int = 300,
    batch: int = 32,
    *,
    fault: dict[str, Any] | None = None,
    **more: Any,
) -> SetUp:
    """A set-up, and what makes it sick; `more` and `fault` are settings by their short names.

    `task` is a name and its settings, as in `video frames=20`; a loop by hand says `by_hand first 40`.
    """
    name, *parts = task.split()
    settings: dict[str, Any] = {"seed": seed, "model.cell": cell, "model.hidden": hidden}
    if cell == "relu":
        settings |= {"model.cell": "rnn", "model.nonlinearity": "relu"}
    settings |= {"training.optimiser": by, "training.steps": steps, "training.batch": batch}
    if name == "by_hand":
        settings |= {"hand.task": parts[0], "hand.length": int(parts[1])}
    else:
        pairs = (part.split("=") for part in parts)
        settings |= {"task.name": name} | {f"task.{key}": _value(given) for key, given in pairs}
    return SetUp(f"{cause or 'well'}-{cell}-{name}-{seed}", cause, settings | _full(more), fault=_full(fault or {}))


def _full(short: dict[str, Any]) -> dict[str, Any]:
    return {_SHORT[key]: value for key, value in short.items()}


def _value(word: str) -> Any:
    if word in ("true", "false"):
        return word == "true"
    return int(word) if word.isdigit() else float(word) if "." in word else word


def momentum(rate: float) -> dict[str, Any]:
    """Stochastic gradient descent with heavy-ball momentum."""
    return {"name": "sgd", "rate": rate, "momentum": 0.9}


def rmsprop(rate: float) -> dict[str, Any]:
    """RMSprop."""
    return {"name": "rmsprop", "rate": rate}


def adagrad(rate: float) -> dict[str, Any]:
    """Adagrad."""
    return {"name": "adagrad", "rate": rate}


def adamw(rate: float) -> dict[str, Any]:
    """AdamW."""
    return {"name": "adamw", "rate": rate}
