"""A run is a function of config and seed: twice, in two processes, with another number of workers, the same bytes."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradlab.store import Store

STUDY = """
question: again?
task: {name: adding, steps: 14}
model: {hidden: 6, layers: 2, dropout: 0.3}
training:
  steps: 30
  batch: 5
  clip: {name: zclip, warm_up: 4}
  schedule: {name: cosine, warm_up: 3}
  weight_noise: 0.01
  regularisers: [{name: pascanu, weight: 0.1}]
  evaluate_every: 10
  evaluation_size: 16
  measure: {bias_every: 7, cliff_at: [3], cliff_points: 3}
record: {every: 6, check_every: 2}
grid:
  model.cell: [rnn, lstm, gru]
  training.bptt: [{name: full}, {name: truncated, k1: 5}, {name: randomised, length: 5}, {name: adaptive, longest: 6}]
"""
TIMING = ("seconds", "recording_seconds")


def done(folder: Path, store: str, *options: str, hash_seed: str = "0") -> dict[str, dict[str, str]]:
    """Do the study in a process of its own; bytes of weights and tables of every run, as digests."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": hash_seed}
    program = [sys.executable, "-c", "from gradlab.cli.main import main; main()", "run", "again.yaml"]
    ended = subprocess.run(
        [*program, *options, "--store", store], cwd=folder, env=environment, capture_output=True, text=True, timeout=280
    )
    assert ended.returncode == 0, ended.stderr
    found = {}
    for run in Store(folder / store).runs("again"):
        content = {"weights": hashlib.sha256(run.read_artifact("weights.safetensors")).hexdigest()}
        for table in run.tables():
            rows = run.read(table)
            rows = rows.select([name for name in rows.column_names if name not in TIMING])
            content[table] = hashlib.sha256(repr(rows.to_pydict()).encode()).hexdigest()
        facts = ("status", "steps", "final_loss", "final_score", "final_score_loss")
        content["facts"] = repr([run.facts[name] for name in facts])
        found[run.id] = content
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twice_in_other_processes_and_with_other_numbers_of_workers(tmp_path: Path) -> None:
    (tmp_path / "again.yaml").write_text(STUDY)
    expected = done(tmp_path, "first")
    assert len(expected) == 12
    assert all({"weights", "steps", "timesteps", "truncation", "clipping", "cliff", "penalties"} <= set(content)
               for content in expected.values())  # fmt: skip
    assert len({content["weights"] for content in expected.values()}) == 12
    for store, options in {"second": [], "workers": ["--jobs", "2"]}.items():
        found = done(tmp_path, store, *options, hash_seed="1")
        assert found.keys() == expected.keys()
        for run, content in expected.items():
            assert found[run] == content, f"{store}, run {run}"
