"""Synthetic tables whose every number is known by formula, for the tests of figures and dashboard."""

import numpy as np
import pandas as pd

DECAY = {"rnn": 0.7, "lstm": 0.97, "gru": 0.93}
"""Factor by which each cell's gradient shrinks at every step back."""


def timesteps_columns(
    steps: list[int], length: int, decay: float, size: float = 1.0, layers: int = 1
) -> dict[str, np.ndarray]:
    """Columns of the table `timesteps`: grad_h at t is `size · decay^(T−1−t)`."""
    step, layer, t = (grid.ravel() for grid in np.meshgrid(steps, range(layers), range(length), indexing="ij"))
    grad = size * decay ** (length - 1.0 - t)
    return {
        "step": step,
        "module": np.array(["rnn"] * len(t), dtype=object),
        "call": np.zeros_like(t),
        "layer": layer,
        "direction": np.zeros_like(t),
        "t": t,
        "grad_h": grad,
        "grad_h_low": grad * 0.5,
        "grad_h_high": grad * 2.0,
        "grad_x": grad * 0.1,
        "sequences": np.full_like(t, 8),
        "nonfinite": np.zeros(len(t)),
    }


def steps_columns(
    count: int, seed: int, final_loss: float = 0.2, threshold: float | None = 1.0
) -> dict[str, np.ndarray]:
    """Columns of the table `steps`: a loss that falls, noisy norms, and clipping by norm where a threshold is set."""
    rng = np.random.default_rng(seed)
    step = np.arange(count)
    loss = final_loss + (2.3 - final_loss) * np.exp(-step / max(count / 4, 1)) + rng.normal(0, 0.03, count)
    norm = np.exp(rng.normal(-0.4, 0.6, count)) * np.where(rng.random(count) < 0.02, 30.0, 1.0)
    limit = np.inf if threshold is None else threshold
    coefficient = np.minimum(1.0, limit / norm)
    columns = {
        "step": step,
        "loss": loss,
        "grad_norm": norm,
        "grad_norm_clipped": norm * coefficient,
        "clip_coefficient": coefficient,
        "clip_fired": coefficient < 1.0,
        "learning_rate": np.full(count, 1e-3),
        "first_nonfinite": np.array([""] * count, dtype=object),
        "seconds": np.full(count, 0.01),
    }
    if threshold is not None:
        columns["clip_threshold"] = np.full(count, threshold)
    columns["score"] = np.where(step % 20 == 0, np.clip(1.0 - loss / 2.6, 0, 1), np.nan)
    return columns


def timesteps_frame(seeds: int = 3, steps: tuple[int, ...] = (0, 50, 100), length: int = 40) -> pd.DataFrame:
    """The table `timesteps` of seeds × cells, as `gradlab.reports.load` gives it."""
    parts = []
    for cell, decay in DECAY.items():
        for seed in range(seeds):
            part = pd.DataFrame(timesteps_columns(list(steps), length, decay, size=2.0**seed))
            part.insert(0, "run", f"{cell}{seed}")
            parts.append(part.assign(**{"model.cell": cell, "seed": seed}))
    return pd.concat(parts, ignore_index=True)


def steps_frame(seeds: int = 3, count: int = 300, threshold: float | None = 1.0) -> pd.DataFrame:
    """The table `steps` of seeds × cells."""
    parts = []
    for index, cell in enumerate(DECAY):
        for seed in range(seeds):
            part = pd.DataFrame(steps_columns(count, 100 * index + seed, 0.2 + 0.4 * index, threshold))
            part.insert(0, "run", f"{cell}{seed}")
            parts.append(part.assign(**{"model.cell": cell, "seed": seed}))
    return pd.concat(parts, ignore_index=True)
