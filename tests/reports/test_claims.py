"""Claims against known data: held, failed, undecided; what is missing; universal claims; agreement with the truth."""

import math

import numpy as np
import pytest

from gradlab.reports import claims, keep_verdicts, summary
from gradlab.store import Store


@pytest.fixture
def filled(filled):
    """The store that all tests of this folder share, with the study's document put back afterwards."""
    info = filled.study("reach")
    yield filled
    filled.write_study(
        "reach", question=info.question, claims=info.claims, axes=info.axes,
        expected=info.expected_configs, facts=info.facts,
    )  # fmt: skip


def claim(that, relation, **right):
    return {"claim": "It is so.", "that": that, "is": relation, **right}


def judged(store, *checks, study="reach"):
    info = store.study(study)
    facts = {"checks": {str(place): check for place, check in enumerate(checks)}}
    words = [check["claim"] for check in checks]
    store.write_study(
        study, question=info.question, claims=words, axes=info.axes, expected=info.expected_configs, facts=facts
    )
    return claims(store, study)


REACH_RNN = {"quantity": "reach", "where": {"model.cell": "rnn"}}
LOSS = {"quantity": "steps.loss"}
GRAD = {"quantity": "timesteps.grad_h", "where": {"model.cell": "rnn"}}
REACH_LSTM = {"quantity": "reach", "where": {"model.cell": "lstm"}, "at": {"step": "first"}}
SCORE = {"quantity": "final_score"}
CASES = [
    (claim(REACH_RNN, "at most", number=6), "held", 6),
    (claim(REACH_RNN, "less than", number=6), "failed", 6),
    (claim(REACH_LSTM, "more than", other=REACH_RNN, times=6), "held", 39),
    (claim(REACH_LSTM, "more than", other=REACH_RNN, times=6.5), "failed", 39),
    (claim(REACH_RNN, "equal to", number=6.1, tolerance=0.02), "held", 6),
    (claim(REACH_RNN, "equal to", number=7, tolerance=0.02), "failed", 6),
    (claim(SCORE, "more than", number=0.6), "undecided", 0.6),
    (claim(SCORE | {"seeds": "max"}, "at most", number=0.65), "failed", 0.7),
    (claim(SCORE | {"seeds": "max"}, "at most", number=0.7), "held", 0.7),
    (claim(SCORE | {"at_least": 0.55}, "more than", number=0.9), "undecided", 7 / 11),
    (claim({"quantity": "final_score", "at_most": 0.75}, "at least", number=1), "held", 1),
    (claim({"quantity": "remaining_gradient", "where": {"model.cell": "rnn"}}, "less than", number=1e-9), "held", None),
    (claim(LOSS | {"at": {"step": 3}, "seeds": "mean"}, "equal to", number=0.5, tolerance=0), "held", 0.5),
    (claim(LOSS | {"at": {"step": "all"}, "over": "max"}, "equal to", number=2, tolerance=0), "held", 2),
    (claim(GRAD | {"at": {"t": 38}}, "at most", number=0.5), "held", 0.5),
    (claim(REACH_LSTM, "at most", theory={"name": "x_y"}, predicted=10.0), "failed", 39),
    (claim(REACH_RNN | {"where": {"model.cell": "gru"}}, "at most", number=6), "undecided", math.nan),
    (claim(SCORE | {"where": {"seed": [0, 1]}}, "at least", number=0.1), "undecided", 0.55),
]  # fmt: skip


@pytest.mark.parametrize(("check", "verdict", "left"), CASES, ids=lambda value: str(value)[:60])
def test_a_claim_comes_out_as_the_data_say(filled, check, verdict, left):
    [found] = judged(filled, check)
    assert found.verdict == verdict, found
    if left is not None:
        assert found.left == pytest.approx(left, nan_ok=True)
    assert found.low <= found.left - found.right <= found.high or math.isnan(found.low)


def test_verdicts_stand_in_the_summary_and_in_the_store(filled):
    found = judged(filled, *(case[0] for case in CASES[:3]))
    keep_verdicts(filled, "reach", found)
    assert [kept["verdict"] for kept in filled.study("reach").facts["verdicts"]] == ["held", "failed", "held"]
    assert len(filled.study("reach").expected) == 12, "the rest of the document is as it was"
    lines = [line for line in summary(filled, "reach") if line.startswith(("Held: ", "Failed: "))]
    assert lines[0] == "Held: It is so. [median reach 6, claimed at most 6; difference 0 to 0; 3 seeds]"
    assert len(lines) == 3


def test_a_run_that_failed_has_not_solved_its_task(tmp_path):
    store = Store(tmp_path)
    ids = [f"run{seed}" for seed in range(4)]
    store.write_study("broken", expected={name: {"seed": seed} for seed, name in enumerate(ids)})
    for seed, name in enumerate(ids):
        writer = store.writer(name, "broken", config={"seed": seed})
        writer.annotate(**({"final_score": 1.0} if seed < 3 else {}))
        writer.close("finished" if seed < 3 else "failed")
    solved = claim({"quantity": "final_score", "at_least": 0.5}, "at least", number=1)
    median = claim({"quantity": "final_score"}, "at least", number=1)
    found = judged(store, solved, median, study="broken")
    assert (found[0].left, found[0].runs) == (0.75, 4)
    assert (found[1].left, found[1].runs) == (1.0, 3)
    assert "1 runs without the number" in found[1].told


def test_a_variant_of_the_grid_is_a_condition(tmp_path):
    store = Store(tmp_path)
    for seed in range(4):
        with store.writer(f"run{seed}", "named", config={"seed": seed}) as writer:
            writer.annotate(final_score=float(seed % 2))
    expected = {f"run{seed}": {"seed": seed} for seed in range(4)}
    plain = {"quantity": "final_score", "where": {"variant": "odd"}, "seeds": "min"}
    facts = {
        "checks": {"0": claim(plain, "more than", number=2)},
        "variants": {name: ("odd" if int(name[-1]) % 2 else "even") for name in expected},
    }
    store.write_study("named", expected=expected, facts=facts)
    [found] = claims(store, "named")
    assert (found.verdict, found.left, found.runs) == ("failed", 1.0, 2)


def test_what_seeds_share_cancels(tmp_path):
    """One group is better by 0.1 for every seed, and the seeds differ by 10: the pairs decide."""
    store = Store(tmp_path)
    configs = {f"{cell}{seed}": {"seed": seed, "cell": cell} for cell in ("a", "b") for seed in range(5)}
    store.write_study("pairs", expected=configs)
    for name, config in configs.items():
        with store.writer(name, "pairs", config=config) as writer:
            writer.annotate(final_score=10.0 * config["seed"] + 0.1 * (config["cell"] == "b"))
    one, other = ({"quantity": "final_score", "where": {"cell": cell}, "seeds": "mean"} for cell in "ba")
    [found] = judged(store, claim(one, "more than", other=other), study="pairs")
    assert found.verdict == "held"
    assert found.low == pytest.approx(0.1) == found.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says(tmp_path):
    """Means of 12 normal numbers: percentile intervals of the bootstrap are a little short, not wrong."""
    from gradlab.reports.claims import _side, _verdict

    class Run:
        def __init__(self, seed, score):
            self.settings, self.facts = {"seed": seed}, {"final_score": score}

    generator, covered = np.random.default_rng(5), 0
    check = claim({"quantity": "final_score", "seeds": "mean"}, "at least", number=0.0)
    for _ in range(60):
        runs = [(run, run.settings) for run in (Run(seed, generator.normal()) for seed in range(8))]
        assert len(_side(check["that"], runs).values) == 8
        verdict = _verdict(check, runs)
        covered += verdict.low <= 0 <= verdict.high
    assert 45 <= covered <= 60
