"""`gradlab sample`: what a run's net says, or what is missing."""

from pathlib import Path

import pytest

from gradlab.store import Store
from tests.cli.command import gradlab

pytestmark = pytest.mark.slow  # three trainings, and a process for every sample

CHARACTERS = """
question: Can it spell?
task: {name: characters, text: file, path: PATH, steps: 20}
model: {cell: gru, hidden: 32}
training: {steps: 150, batch: 16, optimiser: {name: adam, rate: 0.01}, evaluate_every: null, evaluation_size: 8}
record: {every: 50}
"""
CAPTIONS = """
question: Can it name digits?
task: {name: captions}
model: {cell: lstm, hidden: 16, embedding: 8}
training: {steps: 3, batch: 8, evaluate_every: null, evaluation_size: 8}
record: {every: 1}
"""
ADDING = """
question: Can it add?
task: {name: adding, steps: 5}
model: {hidden: 4}
training: {steps: 2, batch: 4, evaluate_every: null, evaluation_size: 8}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a character model, captions and adding were trained."""
    folder = tmp_path_factory.mktemp("samples")
    (folder / "text.txt").write_text("the cat sat on the mat. " * 60, encoding="utf-8")
    for name, study in (("text", CHARACTERS), ("captions", CAPTIONS), ("adding", ADDING)):
        (folder / f"{name}.yaml").write_text(study.replace("PATH", str(folder / "text.txt")))
        done = gradlab("run", folder / f"{name}.yaml", cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


def run_of(place: Path, study: str) -> str:
    [run] = Store(str(place / "runs")).runs(study)
    return f"{study}/{run.id}"


def test_a_character_model_writes_and_the_seed_decides(place: Path) -> None:
    run = run_of(place, "text")
    first, again, other = (
        gradlab("sample", run, "--prompt", "the c", "--length", "60", "--temperature", "3", "--seed", seed, cwd=place)
        for seed in "001"
    )
    assert first.returncode == 0, first.stderr
    assert len(first.stdout) == 5 + 60 + 1 and first.stdout.startswith("the c")
    assert first.stdout == again.stdout != other.stdout
    cold = gradlab("sample", run, "--prompt", "the c", "--temperature", "0", "--length", "30", cwd=place)
    assert cold.stdout.startswith("the cat sat on the mat. the")
    plain = gradlab("sample", run, "--length", "40", cwd=place)
    assert plain.returncode == 0 and len(plain.stdout) == 41


def test_captions_are_said_beside_what_is_right(place: Path) -> None:
    done = gradlab("sample", run_of(place, "captions"), "--temperature", "0", cwd=place)
    assert done.returncode == 0, done.stderr
    assert {line.split()[0] for line in done.stdout.splitlines()} <= {
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"
    }  # fmt: skip
    assert len(done.stdout.splitlines()) == 10


def test_captions_are_recorded_like_everything_else(place: Path) -> None:
    [run] = Store(str(place / "runs")).runs("captions")
    rows = run.read("timesteps", ["t", "grad_h"]).to_pandas()
    assert set(rows["t"]) == set(range(7))
    assert (rows["grad_h"][rows["t"] < 5] > 0).all()  # every caption has three letters and END; longer ones are few


def test_what_is_missing_is_said(place: Path) -> None:
    done = gradlab("sample", run_of(place, "text"), "--prompt", "ü", cwd=place)
    assert done.returncode == 2 and "expected characters of the text" in done.stderr
    done = gradlab("sample", run_of(place, "adding"), cwd=place)
    assert done.returncode == 2 and "characters, captions, read_aloud), got adding" in done.stderr
    done = gradlab("sample", "nothing", cwd=place)
    assert done.returncode == 2 and "no run 'nothing'" in done.stderr


def test_another_text_or_no_weights_are_told(place: Path) -> None:
    run = run_of(place, "text")
    text = place / "text.txt"
    before = text.read_bytes()
    text.write_bytes(before + b"and a dog.")
    try:
        done = gradlab("sample", run, cwd=place)
    finally:
        text.write_bytes(before)
    assert done.returncode == 2 and "found another one here" in done.stderr
    [weights] = (place / "runs").glob(f"{run}/artifacts/weights*")
    kept = weights.read_bytes()
    weights.unlink()
    try:
        done = gradlab("sample", run, cwd=place)
    finally:
        weights.write_bytes(kept)
    assert done.returncode == 2 and "expected the artifact weights.safetensors, found none" in done.stderr
