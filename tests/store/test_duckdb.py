"""DuckDB reads a store as it lies there, by the query that studies/README.md shows."""

import re
from pathlib import Path

import duckdb
import pytest

from gradlab.store import RunWriter
from tests.store.rows import steps

README = Path(__file__).parents[2] / "studies" / "README.md"


def test_the_query_of_the_readme(tmp_path):
    for seed in range(2):
        with RunWriter(tmp_path / "runs" / "digits" / f"run{seed}") as writer:
            for step in range(10):
                writer.write("steps", steps(step))
    (query,) = re.findall(r"```sql\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    rows = duckdb.sql(query.replace("runs/digits", str(tmp_path / "runs" / "digits"))).fetchall()
    assert len(rows) == 2 and {count for _, count, *_ in rows} == {10}
    assert all(loss == pytest.approx(1.0, abs=10) for *_, loss in rows)
