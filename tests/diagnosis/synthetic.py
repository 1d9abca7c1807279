"""Tables of runs that never were, with numbers just as a test wants them: all is well unless it says otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

LENGTH = 20
"""Time steps of a sequence."""
EVERY = 10
"""Training steps between two recordings."""
COUNT = 60
"""Training steps."""
RECORDED = tuple(range(0, COUNT, EVERY))
PLACE = {"module": "recurrent", "call": 0, "layer": 0, "direction": 0}

Frames = dict[str, pd.DataFrame]


def runs(**about: Any) -> pd.DataFrame:
    """Settings and facts of one run; keys with `__` for a dot."""
    known = {
        "run": "mine",
        "model.cell": "lstm",
        "model.nonlinearity": "tanh",
        "training.optimiser.name": "sgd",
        "training.optimiser.rate": 0.1,
        "training.clip.name": "norm",
        "training.bptt.name": "full",
        "record.every": EVERY,
        "task_length": LENGTH,
        "demanded_lag": LENGTH - 1,
        "reads": "last",
        "chance_loss": 1.0,
    }
    return pd.DataFrame([known | {key.replace("__", "."): value for key, value in about.items()}])


def steps(losses: Any = None, norms: Any = 1.0, **columns: Any) -> pd.DataFrame:
    """Training steps: the loss falls from 1 to 0.6 unless given, and clipping fires at every fifth of them."""
    loss = np.linspace(1.0, 0.6, COUNT) if losses is None else np.asarray(losses, dtype=float)
    step = np.arange(len(loss))
    table = {
        "step": step,
        "loss": loss,
        "score": np.nan,
        "score_loss": np.nan,
        "grad_norm": np.broadcast_to(norms, len(loss)),
        "grad_norm_clipped": 0.9,
        "clip_coefficient": np.where(step % 5 == 0, 0.9, 1.0),
        "clip_fired": step % 5 == 0,
        "clip_threshold": 0.9,
        "clip_cosine": 1.0,
        "learning_rate": 0.1,
        "first_nonfinite": "",
    }
    return pd.DataFrame(table | columns)


def timesteps(factor: float = 0.95, **columns: Any) -> pd.DataFrame:
    """Gradients that change by a factor with every step back, at all recorded training steps."""
    t = np.arange(LENGTH)
    table = {"t": t, "grad_h": factor ** (LENGTH - 1 - t), "grad_c": np.nan, "saturation": 0.1, "sigma_max": 1.0}
    rows = pd.DataFrame({**PLACE, **table, "nonfinite": 0.0} | columns)
    return pd.concat([rows.assign(step=step) for step in RECORDED], ignore_index=True)


def gates(**means: float) -> pd.DataFrame:
    """An LSTM's gates at every recorded time step: i, f, g, o with these means, and a tenth of them at each end."""
    known = {"i": 0.5, "f": 0.95, "g": 0.0, "o": 0.5} | means
    rows = [
        {**PLACE, "step": step, "t": t, "gate": gate, "mean": mean, "low": 0.1, "high": 0.02}
        for step in RECORDED
        for t in (0, LENGTH - 1)
        for gate, mean in known.items()
    ]
    return pd.DataFrame(rows)


def lyapunov(exponent: float = -0.3, error: float = 0.01) -> pd.DataFrame:
    """The largest exponent and one below it."""
    rows = [
        {**PLACE, "step": step, "index": index, "exponent": exponent - index, "standard_error": error}
        for step in RECORDED
        for index in (0, 1)
    ]
    return pd.DataFrame(rows)


def parameters(closure: float = 1e-7, ratio: float = 0.01, radius: float = 1.0) -> pd.DataFrame:
    """One recurrent matrix."""
    row = {"parameter": "recurrent.weight_hh_l0", "update_ratio": ratio, "closure_error": closure}
    return pd.DataFrame([{"step": step, **row, "spectral_radius": radius, "grad_norm": 1.0} for step in RECORDED])


def truncation(**errors: float) -> pd.DataFrame:
    """Relative bias by window, as `w4=1.5`; the cosine is what is left of it."""
    rows = [
        {"step": step, "parameter": "all", "window": int(name[1:]), "relative_error": error, "cosine": 1 - error}
        for step in RECORDED
        for name, error in errors.items()
    ]
    return pd.DataFrame(rows)


def well(**changed: pd.DataFrame | None) -> Frames:
    """All tables of a run that is well, some of them replaced or, with None, left out."""
    frames: dict[str, pd.DataFrame | None] = {
        "runs": runs(),
        "steps": steps(),
        "timesteps": timesteps(),
        "gates": gates(),
        "lyapunov": lyapunov(),
        "parameters": parameters(),
    }
    return {name: frame for name, frame in {**frames, **changed}.items() if frame is not None}
