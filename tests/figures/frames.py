"""Synthetic tables whose every number is known by formula, for the tests of figures and dashboard."""

from collections.abc import Callable

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
        "sigma_max": np.where(t % 2 == 0, np.full(len(t), 1.25 * decay), np.nan),
        "sigma_min": np.where(t % 2 == 0, 0.01 * decay, np.nan),
        "mean_log_sigma": np.where(t % 2 == 0, np.log(0.2 * decay), np.nan),
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


def _long_range(columns: dict[str, np.ndarray]) -> pd.DataFrame:
    places = {"module": "rnn", "call": 0, "layer": 0, "direction": 0}
    return pd.DataFrame(columns).assign(**places)


def lags_columns(steps: list[int], length: int, decay: float, size: float = 1.0) -> pd.DataFrame:
    """The table `lags`: ln σ_max falls by ln decay a step, median and smallest twice and four times as fast."""
    step, lag = (grid.ravel() for grid in np.meshgrid(steps, np.arange(1, length + 1), indexing="ij"))
    rate = np.log(decay)
    return _long_range(
        {
            "step": step,
            "lag": lag,
            "log_sigma_max": rate * lag + np.log(size),
            "log_sigma_median": 2 * rate * lag,
            "log_sigma_min": 4 * rate * lag,
            "grad_norm": size * decay**lag,
            "log_bound": 0.3 * lag,
        }
    )


def lyapunov_columns(steps: list[int], states: int, decay: float, size: float = 1.0) -> pd.DataFrame:
    """The table `lyapunov`: exponents ln decay · (index + 1), shifted by ln size / 100."""
    step, index = (grid.ravel() for grid in np.meshgrid(steps, range(states), indexing="ij"))
    exponent = np.log(decay) * (index + 1.0) + np.log(size) / 100
    return _long_range({"step": step, "index": index, "exponent": exponent, "standard_error": np.full(len(step), 0.01)})


def spectra_columns(steps: list[int], length: int, decay: float, states: int = 10) -> pd.DataFrame:
    """The table `spectra`: ln σ_i = ln decay · i at every time step."""
    step, t, index = (grid.ravel() for grid in np.meshgrid(steps, range(length), range(states), indexing="ij"))
    return _long_range({"step": step, "t": t, "index": index, "log_sigma": np.log(decay) * index})


def teaching_columns(
    steps: list[int], length: int, decay: float, size: float = 1.0, losses: int | None = None
) -> pd.DataFrame:
    """The table `teaching`: size · decay^(s − t), with losses at the last so many time steps, at all by default."""
    possible = np.arange(length - (losses or length), length)
    sources = possible[np.unique(np.linspace(0, len(possible) - 1, min(32, len(possible))).round().astype(int))]
    times = np.unique([*sources, *np.linspace(0, length - 1, min(32, length)).round().astype(int)])
    step, source, t = (grid.ravel() for grid in np.meshgrid(steps, sources, times, indexing="ij"))
    before = t <= source
    step, source, t = step[before], source[before], t[before]
    log_gradient = np.log(size) + (source - t) * np.log(decay)
    return _long_range({"step": step, "source": source, "t": t, "log_gradient": log_gradient})


def truncation_columns(steps: list[int], length: int, decay: float, size: float = 1.0) -> pd.DataFrame:
    """The table `truncation`: the bias is decay^K, predicted as 3 decay^K, and gone at the longest window."""
    windows = [window for window in (1, 2, 5, 10, 20, 50, 100, 200, 500) if window < length] + [length]
    step, parameter, window = (
        grid.ravel() for grid in np.meshgrid(steps, ["all", "rnn.weight_hh_l0"], windows, indexing="ij")
    )
    error = np.where(window == length, 0.0, decay ** window.astype(float))
    whole = parameter == "all"
    return pd.DataFrame(
        {
            "step": step,
            "parameter": parameter.astype(object),
            "window": window,
            "cosine": np.sqrt(1 - error**2),
            "relative_error": error,
            "sign_agreement": 1 - error / 2,
            "grad_norm": size * (1 - error),
            "state_gradient": np.where(whole, size * decay ** window.astype(float), np.nan),
            "predicted_error": np.where(whole, 3 * decay ** window.astype(float), np.nan),
        }
    )


def cliff_columns(steps: list[int], length: int, decay: float, size: float = 1.0) -> pd.DataFrame:
    """The table `cliff`: the loss is 1 + size · distance⁴ from the weights; the raw step is three times the other."""
    fraction = np.linspace(-0.5, 1.5, 9)
    side = np.linspace(-2.0, 2.0, 5)
    across, along = (grid.ravel() for grid in np.meshgrid(side, side, indexing="ij"))
    parts = [
        pd.DataFrame({"path": "raw", "along": 3 * fraction, "across": 0.0, "fraction": fraction}),
        pd.DataFrame({"path": "clipped", "along": fraction, "across": 0.2 * fraction, "fraction": fraction}),
        pd.DataFrame({"path": "plane", "along": along, "across": across, "fraction": np.nan}),
    ]
    one = pd.concat([part.assign(point=range(len(part))) for part in parts], ignore_index=True)
    one["loss"] = 1 + size * (one["along"] ** 2 + one["across"] ** 2) ** 2
    return pd.concat([one.assign(step=step) for step in steps], ignore_index=True)


def clipping_columns(steps: list[int], length: int = 0, decay: float = 1.0, size: float = 1.0) -> pd.DataFrame:
    """The table `clipping` of a gradient of norm 2 · size: the norm at 0.1, 1 and 10, and one without a setting.

    By value, which turns the gradient: its cosine is `decay`.
    """
    settings = [("norm", 0.1), ("norm", 1.0), ("norm", 10.0), ("value", 0.1), ("zclip", np.nan)]
    rows = [
        {"step": step, "strategy": name, "setting": setting, "fired": setting < 2 * size, "threshold": setting,
         "coefficient": min(1.0, setting / 2 / size) if setting == setting else 1.0,
         "cosine": decay if name == "value" else 1.0}
        for step in steps for name, setting in settings
    ]  # fmt: skip
    return pd.DataFrame(rows)


def parameters_columns(steps: list[int], length: int, decay: float, size: float = 1.0) -> pd.DataFrame:
    """The table `parameters`: σ_max(W) grows by 1 % a hundred steps from 1.5 decay, ρ(W) is 0.8 of it."""
    step = np.repeat(steps, 2)
    recurrent = np.tile([True, False], len(steps))
    norm = 1.5 * decay * 1.01 ** (step / 100)
    return pd.DataFrame(
        {
            "step": step,
            "parameter": np.where(recurrent, "rnn.weight_hh_l0", "readout.bias"),
            "grad_norm": np.full(len(step), 0.1 * size),
            "weight_norm": np.full(len(step), 2.0 * length),
            "update_ratio": np.full(len(step), 1e-3),
            "spectral_norm": np.where(recurrent, norm, np.nan),
            "spectral_radius": np.where(recurrent, 0.8 * norm, np.nan),
            "closure_error": np.full(len(step), 1e-7),
        }
    )


def seeds_and_cells(build: Callable[[float, float], pd.DataFrame], seeds: int = 3) -> pd.DataFrame:
    """A table of seeds × cells; `build` makes one run's rows of its decay and size."""
    parts = []
    for cell, decay in DECAY.items():
        for seed in range(seeds):
            names = {"run": f"{cell}{seed}", "model.cell": cell, "seed": seed}
            parts.append(build(decay, 2.0**seed).assign(**names))
    return pd.concat(parts, ignore_index=True)
