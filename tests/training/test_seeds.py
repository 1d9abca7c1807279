"""Seeds of the parts of a run."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.training.seeds import derived_seed


@settings(deadline=None)
@given(seed=st.integers(0, 2**64))
def test_purposes_and_neighbours_have_different_seeds(seed: int) -> None:
    purposes = ("batches", "evaluation", "dropout")
    derived = [derived_seed(each, purpose) for each in (seed, seed + 1) for purpose in purposes]
    assert len(set(derived)) == 6
    assert all(0 <= value < 2**63 for value in derived)


def test_they_are_these_for_good() -> None:
    assert derived_seed(0, "batches") == 6183591060282165047
