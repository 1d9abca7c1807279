"""What a study will cost: the disk is foreseen within a factor of two, each shape is timed once."""

import mmap
from pathlib import Path

import pytest

from gradlab.study import estimate
from gradlab.study.estimate import Estimator
from gradlab.study.execute import execute
from gradlab.study.interrupt import Interrupt
from gradlab.study.listener import Silence
from gradlab.study.memory import Peak, resident_memory
from gradlab.study.plan import read_study

ADDING = Path(__file__).parent / "adding.yaml"


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_the_disk_is_foreseen(tmp_path: Path, cell: str) -> None:
    overrides = [f"model.cell={cell}", "seed=0", "training.steps=100", "task.steps=40", "record.every=4"]
    [run] = read_study(ADDING, overrides).runs
    foreseen = Estimator()(run).bytes
    execute(run, "study", str(tmp_path), Silence(), Interrupt())
    real = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert 0.5 < foreseen / real < 2


def test_a_shape_is_timed_once_and_more_steps_cost_more(monkeypatch: pytest.MonkeyPatch) -> None:
    trials: list[object] = []
    real = estimate._trial

    def counted(config, **how):
        trials.append(config)
        return real(config, **how)

    monkeypatch.setattr(estimate, "_trial", counted)
    study = read_study(ADDING, ["grid.training.steps=[100, 1000]"])
    estimator = Estimator()
    costs = {(run.config.seed, run.config.training.steps): estimator(run) for run in study.runs}
    assert len(trials) == 5, "warm, plain, recorded, and the two measurements that are made unless they are turned off"
    assert costs[0, 1000].seconds > costs[0, 100].seconds > 0
    assert costs[0, 1000].seconds == costs[1, 1000].seconds


FLOSSING = "{name: flossing, window: 30, exponents: 4}"
BESIDE = {
    "regularisers": ("training.regularisers=[]", f"training.regularisers=[{FLOSSING}]"),
    "truncation bias": ("training.measure.bias_every=null", "training.measure.bias_every=2"),
    "the cliff": ("training.measure.cliff_at=[]", "training.measure={cliff_at: [3, 5, 9], cliff_points: 9}"),
}


@pytest.mark.parametrize("what", BESIDE)
def test_what_is_done_beside_a_step_costs_too(what: str) -> None:
    """Of nets that are otherwise the same; the real difference is a factor of two or more."""
    shared = ["seed=0", "model.cell=rnn", "training.steps=20", "record.every=null"]
    runs = [read_study(ADDING, [*shared, "task.steps=40", override]).runs[0] for override in BESIDE[what]]
    estimator = Estimator()
    without, with_it = (estimator(run).seconds for run in runs)
    assert with_it > 1.2 * without


def test_memory_is_that_of_the_process_at_its_height() -> None:
    overrides = ["seed=0", "model.cell=lstm", "model.hidden=16", "record.preset=light"]
    small, large = read_study(ADDING, [*overrides, "grid.training.batch=[4, 10000]"]).runs
    gates = 10 * 10_000 * 4 * 16 * 4  # bytes, kept from the forward pass for the backward pass
    estimator = Estimator()
    assert estimator(large).memory - estimator(small).memory > gates


def test_the_peak_is_remembered_after_it_is_over() -> None:
    peak = Peak()
    # straight from the system: a large array may stand in memory that was held before
    with mmap.mmap(-1, 50_000_000) as block:
        block.write(b"1" * len(block))
        peak.look()
    assert peak.bytes - resident_memory() > 40_000_000


def test_timing_leaves_the_global_random_state_alone() -> None:
    import torch

    [run] = read_study(ADDING, ["seed=0"]).runs
    before = torch.get_rng_state()
    Estimator()(run)
    assert torch.equal(before, torch.get_rng_state())
