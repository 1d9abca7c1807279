"""A store for the commands that look at runs: one run that is ill, one that is well."""

from pathlib import Path

import numpy as np
import pandas as pd

from gradlab.store import RunWriter, Store
from tests.diagnosis.synthetic import COUNT, Frames, runs, steps, timesteps, well

ILL, WELL = "aaaa00000000", "bbbb00000000"


def tables(ill: bool) -> Frames:
    """Vanishing, or nothing."""
    if not ill:
        return well()
    return well(runs=runs(model__cell="rnn"), steps=steps(np.full(COUNT, 1.0)), timesteps=timesteps(0.6), gates=None)


def write(writer: RunWriter, frames: Frames) -> None:
    """All tables but `runs`."""
    for name, frame in frames.items():
        if name != "runs":
            writer.write(name, {str(column): _array(frame[column]) for column in frame.columns})
    writer.annotate(demanded_lag=19, chance_loss=1.0, reads="last", task_length=20)


def _array(column: pd.Series) -> np.ndarray:
    """Numbers as they are, with NaN as not measured; text as objects."""
    values = column.to_numpy()
    return np.ma.masked_invalid(values) if values.dtype.kind == "f" else values


def opened(folder: Path, name: str, ill: bool) -> RunWriter:
    """A run that is being written, with all its tables."""
    store = Store(folder / "runs")
    cell = {"cell": "rnn" if ill else "lstm", "nonlinearity": "tanh"}
    clip = {"name": "norm", "threshold": 0.9}
    training = {"clip": clip, "optimiser": {"name": "sgd", "rate": 0.1}, "bptt": {"name": "full"}, "steps": COUNT}
    writer = store.writer(name, "looked", config={"model": cell, "training": training, "seed": 0})
    writer.annotate(varied={"model.cell": cell["cell"]})
    write(writer, tables(ill))
    writer.flush()
    return writer


def finished(folder: Path) -> None:
    """A study of both runs."""
    store = Store(folder / "runs")
    store.write_study("looked", expected=(ILL, WELL))
    for name, ill in ((ILL, True), (WELL, False)):
        opened(folder, name, ill).close("finished")
