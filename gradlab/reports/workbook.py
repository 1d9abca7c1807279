"""A study as an Excel workbook: a sheet a table, every cell a value and none a formula."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gradlab.errors import StoreError
from gradlab.reports.rows import Rows

SHEET_ROWS = 1_048_576
"""What a sheet holds, its header among them."""
_CELL_LETTERS = 32_767
"""What a cell holds."""


def write_workbook(tables: Iterable[Rows], path: Path) -> Path:
    """Write the workbook. NaN and infinities are text, Excel has no such numbers; unmeasured cells are empty.

    A table with more rows than a sheet holds is replaced by a note that says so.

    Raises:
        StoreError: when xlsxwriter is not installed.
    """
    try:
        import xlsxwriter
    except ImportError as error:
        raise StoreError("Excel needs the package xlsxwriter: pip install 'gradlab-dynamics[excel]'") from error
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(str(path), options) as workbook:
        bold = workbook.add_format({"bold": True})
        for rows in tables:
            sheet = workbook.add_worksheet(rows.table)
            count = sum(piece.num_rows for piece in rows.pieces())
            if count >= SHEET_ROWS:
                sheet.write_string(
                    0,
                    0,
                    f"The table {rows.table} has {count:,} rows, more than the {SHEET_ROWS - 1:,} that a "
                    "sheet holds; export it to parquet or csv.",
                )
                continue
            _fill(sheet, rows, bold)
    return path


def _fill(sheet: Any, rows: Rows, bold: Any) -> None:
    for place, name in enumerate(rows.schema.names):
        sheet.write_string(0, place, name, bold)
    sheet.freeze_panes(1, 1)
    row = 0
    for piece in rows.pieces():
        for values in zip(*(column.to_pylist() for column in piece.columns), strict=True):
            row += 1
            for place, value in enumerate(values):
                _write(sheet, row, place, value)


def _write(sheet: Any, row: int, place: int, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, place, value)
    elif isinstance(value, int | float) and math.isfinite(value):
        sheet.write_number(row, place, value)
    else:
        text = str(value)
        sheet.write_string(row, place, text if len(text) <= _CELL_LETTERS else text[: _CELL_LETTERS - 1] + "…")
