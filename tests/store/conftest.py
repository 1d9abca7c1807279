"""Stores to test against: the same contract holds for a folder and for an address that fsspec opens."""

from uuid import uuid4

import pytest

ADDRESSES = ["folder", "memory"]


@pytest.fixture(params=ADDRESSES)
def address(request, tmp_path):
    return str(tmp_path / "runs") if request.param == "folder" else f"memory://{uuid4().hex}/runs"
