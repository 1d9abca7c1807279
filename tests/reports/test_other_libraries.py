"""Tables for xarray and datasets, where these are installed; and what is said where they are not."""

import sys

import numpy as np
import pytest

from gradlab.errors import StoreError
from gradlab.quantities import TABLES
from gradlab.reports import export, load, to_datasets, to_xarray


def test_a_table_in_xarray_has_its_axes_as_dimensions(filled, tmp_path):
    xarray = pytest.importorskip("xarray")
    dataset = to_xarray(filled, "reach", "timesteps")
    assert isinstance(dataset, xarray.Dataset)
    frame = load(filled, "timesteps")
    assert dict(dataset.sizes) == {
        name: frame[name].nunique() for name in ("run", "step", "module", "call", "layer", "direction", "t")
    }
    row = frame.iloc[57]
    place = {name: row[name] for name in dataset.sizes}
    assert float(dataset["grad_h"].sel(place)) == row["grad_h"]
    assert dataset["mean_log_sigma"].attrs["units"] == "nats"
    assert dataset["grad_h"].attrs["long_name"] == TABLES["timesteps"]["grad_h"].meaning
    assert set(dataset["model.cell"].to_numpy()) == {"rnn", "lstm"}
    runs = to_xarray(filled, "reach", "runs")
    assert runs.sizes["run"] == 11
    assert np.array_equal(runs["final_score"], load(filled)["final_score"], equal_nan=True)


def test_netcdf_reads_back(filled, tmp_path):
    xarray = pytest.importorskip("xarray")
    paths = export(filled, "reach", "netcdf", tmp_path)
    with xarray.open_dataset(next(path for path in paths if "timesteps" in path.name)) as dataset:
        truth = to_xarray(filled, "reach", "timesteps")
        xarray.testing.assert_allclose(
            dataset["grad_h"].reset_coords(drop=True), truth["grad_h"].reset_coords(drop=True)
        )
        assert dataset["model.cell"].to_numpy().tolist() == truth["model.cell"].to_numpy().tolist()


def test_a_table_in_datasets_has_its_rows(filled, tmp_path):
    datasets = pytest.importorskip("datasets")
    found = to_datasets(filled, "reach", "timesteps")
    frame = load(filled, "timesteps")
    assert found.num_rows == len(frame)
    assert found[57]["grad_h"] == frame["grad_h"].iloc[57]
    paths = export(filled, "reach", "datasets", tmp_path)
    again = datasets.load_from_disk(str(next(path for path in paths if "timesteps" in path.name)))
    assert again["grad_h"] == found["grad_h"]


@pytest.mark.parametrize(
    ("package", "call"),
    [("xarray", lambda store: to_xarray(store, "reach", "steps")),
     ("datasets", lambda store: to_datasets(store, "reach", "steps")),
     ("xarray", lambda store: export(store, "reach", "netcdf", "nowhere"))],
)  # fmt: skip
def test_what_is_missing_is_named_with_its_extra(filled, tmp_path, monkeypatch, package, call):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=rf"pip install 'gradlab-dynamics\[{package}\]'"):
        call(filled)
