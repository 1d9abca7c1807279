"""Claims in a study file: what may be written, and every mistake at its place."""

from pathlib import Path

import pytest

from gradlab.errors import ConfigError
from gradlab.study.plan import read_study
from gradlab.study.theories import Theory, prediction

HEAD = """question: why?
task: {name: adding}
grid: {model.cell: [rnn, lstm], seed: [0, 1]}
claims:
  - It does.
"""


@pytest.fixture
def write(tmp_path: Path):
    def write(claim: str) -> Path:
        path = tmp_path / "study.yaml"
        path.write_text(HEAD + f"  - {claim}\n", encoding="utf-8")
        return path

    return write


GOOD = [
    "{claim: So., that: {quantity: reach}, is: at least, number: 3}",
    "{claim: So., that: {quantity: final_score, at_least: 0.5},"
    " is: at most, other: {quantity: chance_score}, times: 3}",
    "{claim: So., that: {quantity: lyapunov.exponent, at: {index: 0, step: first}, where: {model.cell: rnn}},"
    " is: equal to, theory: {name: mean_field_exponent, sigma_w: 1.5}, tolerance: 0.05}",
    "{claim: So., that: {quantity: reach, where: {model.cell: [rnn, lstm]}, seeds: min}, is: more than, number: 1}",
]


@pytest.mark.parametrize("claim", GOOD)
def test_claims_that_may_be_written(write, claim: str) -> None:
    header = read_study(write(claim)).header
    assert header.claims == ("It does.", "So.")
    [(place, plain)] = header.claimed.document().items()
    assert place == "1"
    assert plain["is"]
    assert (plain["predicted"] is None) == (plain["theory"] is None)


BAD = {
    "{claim: So.}": ("{claim", "claims.1.is", ""),
    "{claim: So., that: {quantity: reach}, is: at least, number: 3, evn: 1}": ("evn", "claims.1.evn", ""),
    "{claim: So., that: {quantity: raech}, is: at least, number: 3}": ("raech", "claims.1.that.quantity", ""),
    "{claim: So., that: {quantity: reach}, is: atleast, number: 3}": ("atleast", "claims.1.is", "at least"),
    "{claim: So., that: {quantity: reach}, is: at least}": ("{claim", "claims.1", ""),
    "{claim: So., that: {quantity: reach}, is: equal to, number: 1}": ("{claim", "claims.1", ""),
    "{claim: So., that: {quantity: reach, at: {t: 0}}, is: at least, number: 1}": ("at: {t", "claims.1.that.at", ""),
    "{claim: So., that: {quantity: reach, where: {model.cel: rnn}}, is: at least, number: 1}": (
        "model.cel", "claims.1.that.where.model.cel", "model.cell",
    ),
    "{claim: So., that: {quantity: reach, where: {model.cell: rn}}, is: at least, number: 1}": (
        "rn}}", "claims.1.that.where.model.cell", "rnn",
    ),
}  # fmt: skip
"""Of each claim: what the message points at, the key that it names, and what it suggests."""


@pytest.mark.parametrize(("claim", "fault"), BAD.items())
def test_a_mistake_in_a_claim_is_told_where_it_stands(write, claim: str, fault: tuple[str, str, str]) -> None:
    path = write(claim)
    with pytest.raises(ConfigError) as caught:
        read_study(path)
    marker, key, suggestion = fault
    found = [(one.where.removeprefix(f"{path}:"), one.key, one.suggestion) for one in caught.value.faults]
    assert (f"6:{5 + claim.index(marker)}", key, suggestion) in found, caught.value


def test_an_override_may_take_away_what_a_claim_is_about(write) -> None:
    claim = "{claim: So., that: {quantity: reach, where: {model.cell: rnn}}, is: at least, number: 1}"
    assert len(read_study(write(claim), ["model.cell=lstm"]).runs) == 2


def test_theory_is_the_number_of_the_table() -> None:
    assert prediction(Theory(name="mean_field_exponent", sigma_w=1.5)) == pytest.approx(0.0652172, abs=1e-6)
    assert prediction(Theory(name="mean_field_variance", sigma_w=2.0, injected_variance=0.25)) == pytest.approx(
        2.4797105, abs=1e-6
    )
