"""A study with known numbers: two cells, with and without clipping, three seeds."""

import math

import numpy as np
import pytest

from gradlab.store import Store, run_id

LENGTH = 40
RATES = {"rnn": 0.5, "lstm": 0.95}
"""The gradient shrinks by this factor a step back: below 1 % after 6 steps, and not within 39."""


def config(cell, clipping, seed):
    return {
        "seed": seed,
        "model": {"cell": cell, "hidden": 8},
        "training": {"clipping": clipping, "steps": 30},
        "sizes": [1, 2],
    }


def fill(writer, cell, clipping, seed, explodes=False):
    t = np.arange(LENGTH)
    for step in range(30):
        bad = explodes and step > 20
        writer.write(
            "steps",
            {
                "step": [step],
                "loss": [math.nan if bad else 2 / (step + 1)],
                "clip_fired": [clipping is not None and step % 3 == 0],
                "clip_coefficient": [0.5 if clipping is not None and step % 3 == 0 else 1.0],
                "clip_threshold": [1.0 if clipping else math.nan],
                "first_nonfinite": ["gradient of W_hh" if bad else ""],
            },
        )
        writer.write(
            "parameters", {"step": [step], "parameter": ["weight_hh_l0"], "closure_error": [1e-8 * (step + seed + 1)]}
        )
        if step % 10 == 0:
            zero = np.zeros(LENGTH, dtype=int)
            axes = {"step": zero + step, "module": ["rnn"] * LENGTH, "call": zero, "layer": zero, "direction": zero}
            writer.write("timesteps", {**axes, "t": t, "grad_h": RATES[cell] ** (LENGTH - 1 - t), "nonfinite": zero})
    writer.annotate(
        steps=30,
        final_loss=math.nan if explodes else 0.25,
        final_score=0.5 + 0.1 * seed,
        chance_score=0.1,
        score_name="accuracy",
        demanded_lag=LENGTH - 1,
        gradlab_version="1",
    )


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("runs"))
    grid = {}
    for cell in RATES:
        for clipping in (None, {"name": "norm", "max_norm": 1.0}):
            for seed in range(3):
                settings = config(cell, clipping, seed)
                grid[run_id(settings)] = settings
    store.write_study(
        "reach",
        question="How far back does the gradient reach?",
        claims=["the lstm reaches farther"],
        axes=["model.cell", "training.clipping", "seed"],
        expected=grid,
    )
    for place, (name, settings) in enumerate(grid.items()):
        if place == 11:
            continue  # one run has not been started yet
        with store.writer(name, "reach", config=settings) as writer:
            fill(writer, settings["model"]["cell"], settings["training"]["clipping"], settings["seed"], place == 2)
    return store
