"""DistributedDataParallel: two processes over loopback, each recording its own half of the batch."""

import socket

import numpy as np
import torch
import torch.multiprocessing as multiprocessing
from torch import nn

import gradlab


def net():
    torch.manual_seed(0)
    model = nn.Sequential()
    model.rnn, model.head = nn.LSTM(3, 8, dtype=torch.float64), nn.Linear(8, 1, dtype=torch.float64)
    return model


class Wrapped(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner.head(self.inner.rnn(x)[0][-1])


def work(rank, port, folder):
    import os

    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    model = nn.parallel.DistributedDataParallel(Wrapped(net()))
    x = torch.randn(7, 6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))[
        :, rank * 3 : rank * 3 + 3
    ]
    with gradlab.watch(model, every=1, check_every=1, sequences="all") as recorder:
        loss = model(x).square().mean()
        loss.backward()
        recorder.step(loss)
    recorder.frame("timesteps").to_parquet(f"{folder}/{rank}.parquet")
    recorder.frame("parameters").to_parquet(f"{folder}/p{rank}.parquet")
    torch.distributed.destroy_process_group()


def test_each_rank_records_its_own_sequences(tmp_path):
    import pandas as pd

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    multiprocessing.spawn(work, (port, str(tmp_path)), nprocs=2)
    x = torch.randn(7, 6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for rank in range(2):
        model = Wrapped(net())
        with gradlab.watch(model, every=1, sequences="all") as recorder:
            loss = model(x[:, rank * 3 : rank * 3 + 3]).square().mean()
            loss.backward()
            recorder.step(loss)
        there = pd.read_parquet(tmp_path / f"{rank}.parquet")
        np.testing.assert_allclose(there["grad_h"], recorder.frame("timesteps")["grad_h"], rtol=1e-12)
        closure = pd.read_parquet(tmp_path / f"p{rank}.parquet")["closure_error"].dropna()
        assert len(closure) == 4
        assert closure.max() < 1e-12
