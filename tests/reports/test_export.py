"""Exported files read back to the same numbers, and hostile text stays text."""

import math

import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from gradlab.errors import StoreError
from gradlab.reports import export, load, workbook
from gradlab.reports.markdown import escaped
from gradlab.store import Store

HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "<script>alert(1)</script>",
    "a|b",
    "[x](javascript:y)",
    "# h",
    "🙂\n- x",
]


@pytest.fixture
def hostile(tmp_path):
    store = Store(tmp_path / "runs")
    for place, text in enumerate(HOSTILE):
        store.write_study("hostile", question=HOSTILE[5], claims=HOSTILE, axes=["text"])
        with store.writer(str(place), "hostile", config={"text": text, "seed": place}) as writer:
            writer.write(
                "steps", {"step": [0, 1, 2], "loss": [math.nan, math.inf, -math.inf], "first_nonfinite": [text] * 3}
            )
            writer.write("steps", {"step": [3]})
    return store


def test_csv_and_parquet_read_back(filled, tmp_path):
    truth = load(filled, "timesteps")
    for to, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        paths = export(filled, "reach", to, tmp_path)
        assert [path.name for path in paths] == [
            f"reach-{table}.{to}" for table in ("runs", "steps", "parameters", "timesteps")
        ]
        found = read(paths[3])
        assert list(found.columns[:5]) == [
            "run", "model.cell", "training.clipping", "training.clipping.name", "training.clipping.max_norm"
        ]  # fmt: skip
        assert "seed" in found
        for column in ("run", "step", "t", "grad_h"):
            assert np.array_equal(found[column].to_numpy(), truth[column].to_numpy()), column
        assert len(read(paths[0])) == 11
    assert pq.read_schema(tmp_path / "reach-timesteps.parquet").field("mean_log_sigma").metadata[b"unit"] == b"nats"


def test_infinities_and_nan_in_csv(hostile, tmp_path):
    path = next(path for path in export(hostile, "hostile", "csv", tmp_path) if "steps" in path.name)
    loss = pd.read_csv(path)["loss"]
    assert math.isnan(loss[0]) and loss[1] == math.inf and loss[2] == -math.inf and math.isnan(loss[3])
    first = path.read_text().split("\n")[1:5]
    assert ",nan," in first[0] and ",nan," not in first[3]


def test_csv_has_no_formulas(hostile, tmp_path):
    for path in export(hostile, "hostile", "csv", tmp_path):
        text = pd.read_csv(path, dtype=str, keep_default_na=False)
        for column in text.columns:
            if column in ("text", "first_nonfinite"):
                assert not text[column].str.match(r"[=+\-@\t\r]").any()
                assert {"'=1+1", "'-1", "a|b"} <= set(text[column])


def test_excel(hostile, tmp_path):
    (path,) = export(hostile, "hostile", "xlsx", tmp_path)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["runs", "steps"]
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f" and cell.hyperlink is None, cell.value
    rows = list(book["steps"].iter_rows(values_only=True))
    place = rows[0].index("loss")
    assert [row[place] for row in rows[1:5]] == ["nan", "inf", "-inf", None]
    texts = {row[rows[0].index("first_nonfinite")] for row in rows[1:]}
    assert {"=1+1", "-1", "<script>alert(1)</script>"} <= texts
    assert rows[2][rows[0].index("step")] == 1


def test_too_many_rows_for_a_sheet_become_a_note(filled, tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "SHEET_ROWS", 1000)
    (path,) = export(filled, "reach", "xlsx", tmp_path)
    book = openpyxl.load_workbook(path)
    (note,) = book["timesteps"].iter_rows(values_only=True)
    assert "1,320 rows, more than the 999" in note[0] and "parquet or csv" in note[0]
    assert book["steps"].max_row == 331


def test_markdown(filled, tmp_path):
    (path,) = export(filled, "reach", "md", tmp_path)
    text = path.read_text()
    for expected in (
        "# reach", "How far back does the gradient reach?", "- the lstm reaches farther",
        "- 12 runs: 11 finished, 1 not started.", "| cell rnn, clipping none | 3 | 3 |", "| timesteps | 1,320 |",
    ):  # fmt: skip
        assert expected in text


def test_markdown_of_hostile_text(hostile, tmp_path):
    from markdown_it import MarkdownIt

    (path,) = export(hostile, "hostile", "md", tmp_path)
    html = MarkdownIt("commonmark").enable("table").render(path.read_text())
    assert "<script" not in html and "<a " not in html and "<h1>hostile</h1>" in html
    for text in HOSTILE:
        shown = " ".join(text.split()).replace("<", "&lt;").replace(">", "&gt;")
        assert f"<li>{shown}</li>" in html, text
    assert "<td>text a|b</td>" in html


def test_damage_is_told_on_the_page(hostile, tmp_path):
    path = next((tmp_path / "runs").rglob("3/steps/*.parquet"))
    path.write_bytes(b"PAR1")
    (page,) = export(Store(hostile.address), "hostile", "md", tmp_path)
    assert "## What could not be read" in page.read_text() and "damaged Parquet part" in page.read_text()


@pytest.mark.parametrize(
    "text, expected", [("1. one", r"1\. one"), ("0.5", "0.5"), ("- a", r"\- a"), ("a_b*c", r"a\_b\*c")]
)
def test_escaped(text, expected):
    assert escaped(text) == expected


def test_mistakes(filled, tmp_path):
    with pytest.raises(ValueError, match="csv, parquet, md, xlsx"):
        export(filled, "reach", "doc", tmp_path)
    with pytest.raises(StoreError, match="no study 'reech'"):
        export(filled, "reech", "csv", tmp_path)
    empty = Store(tmp_path / "empty")
    empty.write_study("s")
    with pytest.raises(StoreError, match="no runs yet"):
        export(empty, "s", "csv", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="a file stands where a folder is needed"):
        export(filled, "reach", "csv", tmp_path / "file" / "below")
