"""A file of time series as users have them: three sensors, numbers, flags, text and a date."""

import atexit
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd


def frame() -> pd.DataFrame:
    """A slow wave, a random walk, and the quarter of the wave as a label; `sensor` tells the series apart."""
    rng = np.random.default_rng(0)
    parts = []
    for sensor, rows in (("north", 900), ("south", 1300), ("east", 700)):
        t = np.arange(rows)
        wave = 2 * np.pi * t / 40 + rng.random()
        parts.append(
            pd.DataFrame(
                {
                    "time": pd.date_range("2020-01-01", periods=rows, freq="h").astype(str),
                    "sensor": sensor,
                    "level": 5 + 2 * np.sin(wave) + 0.1 * rng.standard_normal(rows),
                    "drift": np.cumsum(rng.standard_normal(rows)),
                    "open": rng.random(rows) < 0.3,
                    "phase": np.array(["rising", "high", "falling"])[(wave % (2 * np.pi) // 2.1).astype(int)],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


_folder = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
FILE = _folder / "series.csv"
frame().to_csv(FILE, index=False)
