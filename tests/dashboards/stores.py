"""Stores in every state that a reader may meet: full, empty, half-written, damaged, all NaN, odd names, one net."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gradlab.store import RunWriter, Store
from tests.figures.frames import (
    DECAY,
    cliff_columns,
    clipping_columns,
    lags_columns,
    lyapunov_columns,
    parameters_columns,
    spectra_columns,
    steps_columns,
    teaching_columns,
    timesteps_columns,
    truncation_columns,
)

QUESTION = "How far back does the gradient reach into an image that is read pixel by pixel?"
AXES = ("model.cell", "clipping", "seed")
"""As a grid writes them: `clipping` is a group of settings, of which name and threshold vary together."""
LENGTH = 64
_OPEN: list[RunWriter] = []
"""Writers of runs that are still being written: a run whose writer is gone would count as lost."""


def config(cell: str, clipping: str, seed: int) -> dict[str, Any]:
    return {
        "model": {"cell": cell, "hidden": 64},
        "clipping": {"name": clipping} | ({"threshold": 1.0} if clipping == "norm" else {}),
        "seed": seed,
    }


def grid(seeds: int = 2) -> dict[str, dict[str, Any]]:
    return {
        f"{cell}{clipping}{seed}".ljust(12, "0"): config(cell, clipping, seed)
        for cell in DECAY
        for clipping in ("none", "norm")
        for seed in range(seeds)
    }


def write_run(
    store: Store, study: str, run: str, settings: dict[str, Any], *, steps: int = 300, layers: int = 1
) -> RunWriter:
    """Rows and facts of a run that trained well; the caller closes it."""
    cell, seed = settings["model"]["cell"], settings["seed"]
    place = list(DECAY).index(cell)
    threshold = 1.0 if settings["clipping"]["name"] == "norm" else None
    writer = store.writer(run, study, config=settings)
    writer.write("steps", steps_columns(steps, 10 * place + seed, (1.9, 0.3, 0.5)[place], threshold))
    for step in range(0, steps, 10):
        decay = DECAY[cell] * (1 - 0.1 * np.exp(-step / 60))
        columns = timesteps_columns([step], LENGTH, decay, 2.0**-seed, layers)
        if cell == "lstm":
            columns["grad_c"] = columns["grad_h"] * 1.5
        writer.write("timesteps", columns)
        if step % 100 == 0:
            write_long_range(writer, step, decay)
    writer.annotate(
        chance_loss=2.302585,
        chance_score=0.1,
        score_name="accuracy",
        demanded_lag=LENGTH - 1,
        steps=steps,
        task_title="handwritten digits",
        final_loss=0.3,
        final_score=0.9,
        seconds=12.5,
    )
    return writer


def write_long_range(writer: RunWriter, step: int, decay: float) -> None:
    """What the preset `full` writes beside the rest: the tables `lags`, `lyapunov`, `spectra` and `teaching`."""
    for table, frame in (
        ("lags", lags_columns([step], LENGTH, decay)),
        ("lyapunov", lyapunov_columns([step], 10, decay)),
        ("spectra", spectra_columns([step], LENGTH, decay)),
        ("teaching", teaching_columns([step], LENGTH, decay)),
        ("parameters", parameters_columns([step], LENGTH, decay)),
        ("truncation", truncation_columns([step], LENGTH, decay)),
        ("clipping", clipping_columns([step])),
        ("cliff", cliff_columns([step], LENGTH, decay)),
    ):
        writer.write(table, {name: frame[name].to_numpy() for name in frame.columns})


def empty(path: Path) -> None:
    path.mkdir(exist_ok=True)


def missing(path: Path) -> None:
    """The folder is not even there."""


def full(path: Path) -> None:
    """A study that is through, and a smaller one of which a run failed and one was never started."""
    store = Store(path)
    store.write_study(
        "digits",
        question=QUESTION,
        axes=AXES,
        expected=grid(),
        claims=["an RNN's gradient vanishes before the first pixel", "an LSTM's does not"],
    )
    for run, settings in grid().items():
        write_run(store, "digits", run, settings, layers=2 if settings["model"]["cell"] == "gru" else 1).close(
            "finished"
        )
    few = dict(list(grid().items())[:3])
    store.write_study("adding", question="Does the adding problem tell them apart?", axes=AXES, expected=few)
    for (run, settings), status in zip(list(few.items())[:2], ("finished", "failed"), strict=True):
        write_run(store, "adding", run, settings, steps=60).close(status)


def half_written(path: Path) -> None:
    """One run that has only begun, and one in the midst of it; both writers are alive."""
    store = Store(path)
    runs = list(grid().items())
    store.write_study("digits", question=QUESTION, axes=AXES, expected=dict(runs))
    begun = store.writer(runs[0][0], "digits", config=runs[0][1])
    begun.flush()
    amid = write_run(store, "digits", *runs[2], steps=40)
    amid.flush()
    _OPEN.extend((begun, amid))


def just_begun(path: Path) -> None:
    """A study whose only run has recorded nothing yet."""
    store = Store(path)
    run, settings = next(iter(grid().items()))
    store.write_study("digits", question=QUESTION, axes=AXES, expected={run: settings})
    writer = store.writer(run, "digits", config=settings)
    writer.flush()
    _OPEN.append(writer)


def damaged(path: Path) -> None:
    """Of three runs one has a broken part, and one broken facts."""
    store = Store(path)
    runs = dict(list(grid().items())[::4])
    store.write_study("digits", question=QUESTION, axes=AXES, expected=runs)
    for run, settings in runs.items():
        write_run(store, "digits", run, settings).close("finished")
    first, second, _ = (Path(store.run_address(run, "digits")) for run in runs)
    for part in first.glob("*/part-*.parquet"):
        part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
    (second / "facts.json").write_text('{"status": "fini')


def nonfinite(path: Path) -> None:
    """A run that exploded, one whose gradient is exactly zero, one that is NaN from the start."""
    store = Store(path)
    runs = dict(list(grid().items())[::4])
    store.write_study("digits", question=QUESTION, axes=AXES, expected=runs)
    for number, (run, settings) in enumerate(runs.items()):
        writer = store.writer(run, "digits", config=settings)
        steps = steps_columns(100, number)
        times = timesteps_columns(list(range(0, 100, 5)), 30, 0.9)
        if number == 0:
            for name in ("loss", "grad_norm", "grad_norm_clipped", "clip_coefficient"):
                steps[name] = np.where(steps["step"] > 60, np.nan, steps[name])
            times["grad_h"] = np.where((times["step"] > 60) & (times["t"] < 15), np.nan, times["grad_h"])
            times["grad_h"] = np.where((times["step"] == 60) & (times["t"] < 9), np.inf, times["grad_h"])
            steps["first_nonfinite"][61:] = "gradient at h of rnn, layer 0, time step 8"
        elif number == 1:
            times["grad_h"] = np.zeros_like(times["grad_h"])
        else:
            steps |= dict.fromkeys(("loss", "grad_norm", "grad_norm_clipped"), np.full(100, np.nan))
            times["grad_h"] = np.full_like(times["grad_h"], np.nan)
        for name in ("grad_h_low", "grad_h_high"):
            times[name] = times["grad_h"]
        writer.write("steps", steps)
        writer.write("timesteps", times)
        writer.write("teaching", broken_teaching(number))
        writer.close("finished")


def broken_teaching(number: int) -> dict[str, np.ndarray]:
    """Of 30 losses those before time 15 are NaN and one is infinite; all are exactly zero; all are NaN."""
    frame = teaching_columns(list(range(0, 100, 50)), 30, 0.9)
    columns = {name: frame[name].to_numpy() for name in frame.columns}
    if number == 0:
        late = columns["step"] == 50
        columns["log_gradient"] = np.where(late & (columns["t"] < 15), np.nan, columns["log_gradient"])
        columns["log_gradient"] = np.where(late & (columns["t"] == 15), np.inf, columns["log_gradient"])
    else:
        columns["log_gradient"] = np.full_like(columns["log_gradient"], -np.inf if number == 1 else np.nan)
    return columns


MARKUP = '<script>document.title="owned"</script><b>bold</b> **md** $x^2$ :red[r] ../etc =1+1'


def odd_names(path: Path) -> None:
    """Names, a question and claims that a browser could take for more than text; a run that stands by itself."""
    store = Store(path)
    settings = {"model": {"cell": MARKUP}, "clipping": {"name": "norm"}, "seed": 0}
    other = {"model": {"cell": "lstm"}, "clipping": {"name": "norm"}, "seed": 0}
    runs = {"aaaa": settings, "bbbb": other}
    store.write_study(MARKUP, question=MARKUP, claims=[MARKUP], axes=AXES, expected=runs)
    for run, real in runs.items():
        writer = store.writer(run, MARKUP, config=real)
        writer.write("steps", steps_columns(40, 1))
        writer.write("timesteps", timesteps_columns([0, 20], 12, 0.8))
        writer.annotate(score_name=MARKUP, chance_score=0.5)
        writer.close("finished")
    alone = RunWriter(f"{store.address}/mine")
    alone.write("steps", steps_columns(40, 1))
    alone.write("timesteps", timesteps_columns([0, 20], 12, 0.8))
    alone.close("finished")


def watched(path: Path) -> None:
    """One net that `gradlab.watch` was attached to: no study, no settings but those that it shows of itself."""
    with RunWriter(path / "mine") as alone:
        alone.write("steps", steps_columns(40, 1))
        alone.write("timesteps", timesteps_columns([0, 20], 12, 0.8, layers=2))
        alone.annotate(seen={"model.cell": "rnn", "model.nonlinearity": "tanh"})


STORES: dict[str, Callable[[Path], None]] = {
    builder.__name__: builder
    for builder in (full, empty, missing, half_written, just_begun, damaged, nonfinite, odd_names, watched)
}
