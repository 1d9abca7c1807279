"""Tables of a study for xarray and for Hugging Face's `datasets`, which are optional extras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab.errors import StoreError
from gradlab.quantities import TABLES
from gradlab.reports.choose import AnyStore, opened
from gradlab.reports.rows import Rows, study_rows

if TYPE_CHECKING:
    import datasets
    import pandas as pd
    import xarray


def to_xarray(store: AnyStore, study: str, table: str) -> xarray.Dataset:
    """A table of a study as an `xarray.Dataset`: its axes are dimensions, its quantities variables with their units.

    The first dimension is `run`; the settings that vary, and for the table `runs` everything, stand along it. A place
    that was not recorded is NaN (for text, None).

    Raises:
        StoreError: without such a study, or without xarray.
    """
    return _as_xarray(_one(store, study, table))


def to_datasets(store: AnyStore, study: str, table: str) -> datasets.Dataset:
    """A table of a study as a `datasets.Dataset`, a row a measurement, the settings that vary in front.

    Raises:
        StoreError: without such a study, or without datasets.
    """
    return _as_dataset(_one(store, study, table))


def write_netcdf(rows: Rows, path: Path) -> Path:
    """Write a table as netCDF (version 3, which every reader of it knows); raises StoreError without xarray."""
    dataset = _as_xarray(rows)
    text = {name: one.astype(object).fillna("").astype(str) for name, one in dataset.variables.items()
            if one.dtype == object}  # fmt: skip
    dataset.assign({name: (one.dims, one.to_numpy()) for name, one in text.items()}).to_netcdf(path, engine="scipy")
    return path


def write_dataset(rows: Rows, path: Path) -> Path:
    """Write a table as a folder that `datasets.load_from_disk` reads; raises StoreError without datasets."""
    _as_dataset(rows).save_to_disk(str(path))
    return path


_INSTALL = "pip install 'gradlab-dynamics[{}]'"


def _one(store: AnyStore, study: str, table: str) -> Rows:
    if table not in TABLES:
        raise ValueError(f"expected one of the tables {', '.join(TABLES)}, got {table!r}")
    store = opened(store)
    if not store.runs(study):
        raise StoreError(f"{store.address}: study {study!r} has no runs yet; run it first")
    return study_rows(store, study, [table])[0]


def _whole(rows: Rows) -> Any:
    import pyarrow as pa

    pieces = list(rows.pieces())
    return pa.concat_tables(pieces) if pieces else rows.schema.empty_table()


def _as_dataset(rows: Rows) -> datasets.Dataset:
    try:
        import datasets
    except ImportError as error:
        raise StoreError(f"this needs the package datasets: {_INSTALL.format('datasets')}") from error
    return datasets.Dataset(_whole(rows).replace_schema_metadata())


def _as_xarray(rows: Rows) -> xarray.Dataset:
    try:
        import xarray
    except ImportError as error:
        raise StoreError(f"this needs the package xarray: {_INSTALL.format('xarray')}") from error
    frame: pd.DataFrame = _whole(rows).to_pandas()
    declared = TABLES[rows.table]
    axes = ["run", *(axis for axis in declared.axes if axis != "run")]
    if rows.table == "runs":
        return _described(xarray.Dataset.from_dataframe(_storable(frame).set_index("run")), rows.table)
    settings = [name for name in frame.columns if name not in (*axes, *declared.columns)]
    per_run = frame.groupby("run", sort=False)[settings].first()
    # Some axes may not have been written, such as `setting` of a strategy that has none: NaN is a label too.
    quantities = _storable(frame.drop(columns=settings)).set_index(axes)
    dataset = xarray.Dataset.from_dataframe(quantities[~quantities.index.duplicated()])
    along = _storable(per_run).reindex(dataset["run"].to_numpy())
    dataset = dataset.assign_coords({name: ("run", along[name].to_numpy()) for name in settings})
    return _described(dataset, rows.table)


def _storable(frame: pd.DataFrame) -> pd.DataFrame:
    """Flags with gaps, and values of several kinds, in a form that has one type: numbers, or text."""
    plain: dict[str, pd.Series] = {}
    for name, column in ((str(name), column) for name, column in frame.items()):
        kinds = {type(value) for value in column.dropna()} if column.dtype == object else set()
        if kinds and kinds <= {bool}:
            plain[name] = column.astype("float64")
        elif kinds and kinds != {str}:
            plain[name] = column.map(lambda value: value if value is None else str(value))
    return frame.assign(**plain)


def _described(dataset: xarray.Dataset, table: str) -> xarray.Dataset:
    """With units and meanings from the catalogue."""
    for quantity in TABLES[table].quantities:
        if quantity.name in dataset:
            dataset[quantity.name].attrs |= {"units": quantity.unit or "1", "long_name": quantity.meaning}
    return dataset.assign_attrs(table=table, meaning=TABLES[table].meaning)
