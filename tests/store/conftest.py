"""Stores to test against: one contract for a folder, for memory, and for an object store spoken to over HTTP."""

from uuid import uuid4

import pytest

ADDRESSES = ["folder", "memory", "s3"]


@pytest.fixture(scope="session")
def bucket():
    """The address of a bucket on a server of the S3 protocol, on loopback; found as any other, by AWS's variables."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "something",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            environment.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="runs")
        yield "s3://runs"
    server.stop()


@pytest.fixture(params=ADDRESSES)
def address(request, tmp_path):
    if request.param == "folder":
        return str(tmp_path / "runs")
    if request.param == "memory":
        return f"memory://{uuid4().hex}/runs"
    return f"{request.getfixturevalue('bucket')}/{uuid4().hex}/runs"
