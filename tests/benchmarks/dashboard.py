"""How long the server takes for a page of the dashboard, cold and after a change of a selection, on large stores."""

import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboards.pages import PAGES, PageEntry
from gradlab.cli.dashboard import app_path
from gradlab.store import Store
from tests.benchmarks.interleaved import print_table
from tests.dashboards.stores import AXES, QUESTION, config, write_long_range
from tests.figures.frames import DECAY, steps_columns, timesteps_columns

RUNS, RECORDED, EVERY, LENGTH = 100, 200, 10, 1000
MANY = 10_000
CHANGES = {
    "overview": "by", "run": "run", "compare": "quantity", "gradient-flow": "step", "vanishing": "step",
    "exploding": "run", "spectra": "step", "clipping": "threshold", "truncation": "step", "export": "figure",
}  # fmt: skip
"""The selection that is changed on each page, by its key in the address."""


def grid(runs: int) -> dict[str, dict[str, Any]]:
    """Cells, with and without clipping, and as many seeds as it takes."""
    kinds = [(cell, clipping) for cell in DECAY for clipping in ("none", "norm")]
    return {f"run{number:09}": config(*kinds[number % 6], number // 6) for number in range(runs)}


def write(store: Store, run: str, settings: dict[str, Any], recorded: int, length: int) -> None:
    """A run with noise in the last digits of what it recorded, as measured numbers have it."""
    cell, seed = settings["model"]["cell"], settings["seed"]
    rng = np.random.default_rng(seed)
    decay, noise = DECAY[cell], 1 + rng.normal(0, 0.01, (recorded, length))
    threshold = 1.0 if settings["clipping"]["name"] == "norm" else None
    steps = list(range(0, recorded * EVERY, EVERY))
    with store.writer(run, "large", config=settings) as writer:
        writer.write("steps", steps_columns(recorded * EVERY, seed, list(DECAY).index(cell) / 4, threshold))
        for place, step in enumerate(steps):
            columns = timesteps_columns([step], length, decay ** (50 / length))
            real = [name for name in columns if columns[name].dtype == float and name != "nonfinite"]
            writer.write("timesteps", columns | {name: columns[name] * noise[place] for name in real})
        for step in steps[:: max(1, recorded // 4)]:
            write_long_range(writer, step, decay)
        writer.annotate(
            chance_loss=2.3, chance_score=0.1, score_name="accuracy", demanded_lag=length - 1, steps=len(steps) * EVERY,
            final_loss=0.3 + rng.random(), final_score=rng.random(), seconds=12.5,
        )  # fmt: skip


def large(folder: Path) -> None:
    """A hundred runs with long sequences."""
    runs = grid(RUNS)
    Store(folder).write_study("large", question=QUESTION, axes=AXES, expected=runs)
    for run, settings in runs.items():
        write(Store(folder), run, settings, RECORDED, LENGTH)


def many(folder: Path) -> None:
    """Ten thousand short runs: six are written, and their files copied under other names."""
    runs = grid(MANY)
    store = Store(folder)
    store.write_study("large", question=QUESTION, axes=AXES, expected=runs)
    for run, settings in list(runs.items())[:6]:
        write(store, run, settings, 4, 20)
    kinds = [folder / "large" / run for run in list(runs)[:6]]
    for number, run in enumerate(runs):
        if number >= 6:
            shutil.copytree(kinds[number % 6], folder / "large" / run)


@contextmanager
def served(folder: Path) -> Iterator[None]:
    """The dashboard's store for a while."""
    before = os.environ.get("GRADLAB_STORE")
    os.environ["GRADLAB_STORE"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("GRADLAB_STORE", None) if before is None else os.environ.update(GRADLAB_STORE=before)


def seconds(entry: PageEntry) -> tuple[float, float]:
    """Seconds to the whole page with nothing cached, and after another value was chosen; fails as the page does."""
    st.cache_resource.clear()
    app = AppTest.from_file(str(app_path()), default_timeout=600)
    if entry is not PAGES[0]:
        app.switch_page(str(entry.path))
    first = _timed(app)
    key = f"choice:{CHANGES[entry.address]}"
    widget: Any = next(each for each in app.main if getattr(each, "key", None) == key)
    if isinstance(widget.value, list):
        widget.set_value(widget.value[:1])
    else:
        others = [option for option in widget.options if option != widget.format_func(widget.value)]
        widget.set_value(others[len(others) // 2])
    return first, _timed(app)


def _timed(app: AppTest) -> float:
    begun = time.perf_counter()
    app.run()
    taken = time.perf_counter() - begun
    if app.exception:
        raise RuntimeError(app.exception)
    return taken


def main() -> None:
    """Print the table."""
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as name:
        for title, build in ((f"{RUNS} long runs", large), (f"{MANY:,} short runs", many)):
            folder = Path(os.environ.get("GRADLAB_BENCHMARK_STORES", name)) / build.__name__
            if not folder.exists():
                build(folder)
            with served(folder):
                for entry in PAGES:
                    if entry.address in CHANGES:
                        first, change = seconds(entry)
                        rows.append([title, entry.title, f"{first:.2f} s", f"{change:.2f} s"])
    print_table(["store", "page", "first", "another selection"], rows)
    print(f"\nmost memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


if __name__ == "__main__":
    main()
