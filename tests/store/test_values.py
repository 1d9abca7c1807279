"""Numbers and words come back as they went in, whatever they are."""

from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.store import RunWriter, Store
from gradlab.store.schema import round_mantissa

REALS = st.floats(width=64) | st.none()
FLAGS = st.booleans() | st.none()
TEXTS = st.text(max_size=20) | st.none()
STEPS = st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(st.tuples(STEPS, REALS, FLAGS, TEXTS), max_size=30)


def same(found, expected):
    return [repr(value) for value in found] == [repr(value) for value in expected]


@settings(deadline=None, max_examples=60)
@given(writes=st.lists(ROWS, max_size=4), flush=st.booleans())
def test_rows_survive_bit_for_bit(writes, flush):
    address = f"memory://{uuid4().hex}"
    with RunWriter(f"{address}/r") as writer:
        for rows in writes:
            step, loss, fired, first = ([row[place] for row in rows] for place in range(4))
            writer.write(
                "steps",
                {
                    "step": step,
                    "loss": np.array(loss, dtype=object),
                    "clip_fired": np.array(fired, dtype=object),
                    "first_nonfinite": np.array(first, dtype=object),
                },
            )
            if flush:
                writer.flush()
    found = Store(address).run("r").read("steps", ["step", "loss", "clip_fired", "first_nonfinite"])
    rows = [row for rows in writes for row in rows]
    for place, name in enumerate(found.column_names):
        assert same(found[name].to_pylist(), [row[place] for row in rows]), name


@settings(deadline=None)
@given(st.lists(st.floats(width=64), max_size=40), st.integers(1, 51))
def test_fewer_bits_of_mantissa_keep_range_and_specials(values, bits):
    exact = np.array(values, dtype=np.float64)
    rounded = round_mantissa(exact, bits)
    finite = np.isfinite(exact)
    assert np.array_equal(np.isnan(rounded), np.isnan(exact))
    assert np.array_equal(rounded[~finite & ~np.isnan(exact)], exact[~finite & ~np.isnan(exact)])
    assert np.isfinite(rounded[finite]).all()
    normal = finite & (np.abs(exact) >= np.finfo(np.float64).tiny) & (np.abs(exact) < 1e308)
    # In logs: the error itself may be too small for a float64.
    assert (np.abs(rounded[normal] / exact[normal] - 1) <= 2.0 ** -(bits + 1)).all()


def test_resolution_makes_files_smaller_and_keeps_what_it_says(tmp_path):
    loss = np.random.default_rng(0).lognormal(size=20_000)
    sizes = {}
    for bits in (52, 16):
        with RunWriter(tmp_path / str(bits), resolution=bits) as writer:
            writer.write("steps", {"step": np.arange(loss.size), "loss": loss})
        sizes[bits] = sum(path.stat().st_size for path in tmp_path.glob(f"{bits}/steps/*"))
    assert sizes[16] < 0.6 * sizes[52]
    run = Store(tmp_path).run("16")
    assert np.allclose(run.read("steps", ["loss"])["loss"].to_numpy(), loss, rtol=2.0**-17, atol=0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.uint16, np.int64, np.bool_])
def test_numpy_types_are_taken_by_value(tmp_path, dtype):
    values = np.array([0, 1, 1], dtype=dtype)
    with RunWriter(tmp_path / "r") as writer:
        writer.write("steps", {"step": values, "loss": values, "clip_fired": values})
    found = Store(tmp_path).run("r").read("steps")
    assert found["step"].to_pylist() == [0, 1, 1] and found["loss"].to_pylist() == [0.0, 1.0, 1.0]
    assert found["clip_fired"].to_pylist() == [False, True, True]


def test_nan_in_counts_and_flags_is_unmeasured(tmp_path):
    with RunWriter(tmp_path / "r") as writer:
        writer.write("steps", {"step": [0, 1], "clip_fired": np.array([np.nan, 1.0])})
    assert Store(tmp_path).run("r").read("steps")["clip_fired"].to_pylist() == [None, True]
