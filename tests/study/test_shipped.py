"""One contract for every shipped study: it can be read at both scales, it claims something, and it can be run."""

from pathlib import Path

import pytest

from gradlab.reports import claims
from gradlab.store import Store
from gradlab.study.catalogue import shipped, shipped_folder
from gradlab.study.listener import Silence
from gradlab.study.plan import read_study
from gradlab.study.remaining import register
from gradlab.study.runners import Inline
from tests.cli.command import start

SHORT = (
    "training.steps=2", "training.evaluate_every=null", "training.evaluation_size=8", "record.at=[0]",
    "record.jacobian_times=0", "record.tables=[]",
)  # fmt: skip


@pytest.mark.parametrize("name", shipped())
def test_it_can_be_read_at_both_scales_and_claims_something(name: str) -> None:
    small, full = (read_study(shipped()[name], scale=scale) for scale in ("small", "full"))
    assert small.header.question.endswith("?")
    assert len(small.header.claimed.checked) >= 3
    assert full.name == f"{name}-full"
    assert len(full.runs) >= len(small.runs) >= 9
    seeds = {run.config.seed for run in small.runs}
    assert len(seeds) >= 3, "or no claim can be decided"
    assert not set(full.expected) & set(small.expected), "the full scale is another one"


@pytest.mark.parametrize("name", shipped())
def test_one_of_its_runs_takes_two_steps(name: str, tmp_path: Path) -> None:
    study = read_study(shipped()[name], SHORT)
    register(study, str(tmp_path))
    last = study.runs[-1]  # the largest, mostly
    [ended] = Inline()([last], study.name, str(tmp_path), Silence())
    assert (ended.status, ended.steps) == ("finished", 2), ended.reason
    [run] = Store(tmp_path).runs(name)
    assert run.read("steps", ["step"]).num_rows == 2


@pytest.mark.parametrize("name", shipped())
def test_what_was_measured_stands_in_the_readme(name: str) -> None:
    readme = (shipped_folder() / "README.md").read_text(encoding="utf-8")
    assert f"[`{name}`]({name}.yaml)" in readme
    assert f"\n## {name}\n" in readme


def test_the_grid_of_the_readme_is_one(tmp_path: Path) -> None:
    readme = (shipped_folder() / "README.md").read_text(encoding="utf-8")
    grid = readme.split("```yaml\n")[1].split("```")[0]
    head = "question: is it?\ntask: {name: adding}\ntraining: {optimiser: {name: sgd}}\n"
    (tmp_path / "study.yaml").write_text(head + grid, encoding="utf-8")
    runs = read_study(tmp_path / "study.yaml").runs
    cells = [run.config.model.cell for run in runs]
    assert (cells.count("rnn"), cells.count("lstm"), cells.count("gru")) == (3 * 2 * 2, 3 * 2, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["exploding", "mean_field", "additive"])
def test_its_claims_come_out_as_they_did(name: str, tmp_path: Path) -> None:
    # in a process of its own, where no shape is checked at every call, it takes two thirds of the time
    process = start("run", name, "--store", str(tmp_path), cwd=tmp_path)
    _, err = process.communicate(timeout=1400)
    assert process.returncode == 0, err
    assert {run.status for run in Store(tmp_path).runs(name)} == {"finished"}
    found = {verdict.claim: verdict.verdict for verdict in claims(str(tmp_path), name)}
    readme = (shipped_folder() / "README.md").read_text(encoding="utf-8")
    told = readme.split(f"\n## {name}\n")[1].split("\n## ")[0]
    for word, verdict in (("Held", "held"), ("Failed", "failed"), ("Undecided", "undecided")):
        count = sum(one == verdict for one in found.values())
        assert count == sum(line.startswith(f"- **{word}**") for line in told.splitlines()), found
