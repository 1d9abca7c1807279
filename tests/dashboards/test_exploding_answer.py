"""The sentence of the page Exploding: the verdict first, then since when, where and how large."""

import numpy as np
import pandas as pd

from dashboards.components.answers import exploding_answer
from gradlab.diagnosis import Finding
from gradlab.diagnosis.finding import Advice, Where
from gradlab.figures import spikes_data


def told(findings: tuple[Finding, ...] = (), **runs: np.ndarray) -> str:
    parts = [
        pd.DataFrame({"step": range(len(norms)), "grad_norm": norms, "loss": 1.0, "run": run, "cell": run[:-1]})
        for run, norms in runs.items()
    ]
    return exploding_answer(spikes_data(pd.concat(parts), by=("cell",)), findings)


def leap(at: int, height: float) -> np.ndarray:
    return np.where(np.arange(100) == at, height, 1.0)


def test_spikes_alone_are_no_explosion() -> None:
    assert told(rnn0=leap(38, 180.0), gru0=np.ones(100)) == (
        "Not exploding: all gradient norms stay finite and do not run away; single norms spike in 1 of 2 runs, at "
        "worst to 180 times the usual one at training step 38 with rnn."
    )
    assert told(rnn0=leap(38, 9.0)) == (
        "Not exploding: the gradient norm stays finite and does not run away; no norm is more than 9 times the usual "
        "one."
    )


def test_a_norm_that_runs_away_slowly_explodes_though_it_never_leaps() -> None:
    slow = 1.08 ** np.arange(100)
    assert told(rnn0=slow, rnn1=np.ones(100)).startswith(
        "Exploding: the gradient norm of 1 of 2 runs grows over training, at worst 320 times"
    )
    assert told(rnn0=1.03 ** np.arange(100)).startswith("Not exploding")


def test_what_became_no_number_comes_before_spikes() -> None:
    lost = leap(20, 50.0)
    lost[60:] = np.nan
    frame = pd.DataFrame({"step": range(100), "grad_norm": lost, "first_nonfinite": ""})
    frame.loc[60:, "first_nonfinite"] = "loss"
    assert exploding_answer(spikes_data(frame)) == (
        "Exploding: the gradient of the run became NaN or ∞, first at training step 60: loss; it spikes, at worst to "
        "50 times the usual one at training step 20."
    )


def test_what_the_diagnosis_has_found_is_not_contradicted() -> None:
    title = "The gradient explodes on its way back: 300 times in 63 steps, rnn"
    found = Finding("exploding", title, "likely", (), Advice("Clip."), Where(since=1_200))
    assert told((found,), rnn0=np.ones(100), rnn1=np.ones(100)).startswith(
        "Exploding: the gradient grows on its way back in time in at least 1 of 2 runs, since training step 1,200;"
    )
    assert exploding_answer(pd.DataFrame()) == "No training step has been recorded here yet."
