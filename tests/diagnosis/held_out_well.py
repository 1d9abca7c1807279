"""Healthy set-ups that no rule was made for: written down, and shown to learn, before any of them was judged."""

from __future__ import annotations

from tests.diagnosis.held import adamw, held, momentum, rmsprop
from tests.diagnosis.running import SetUp
from tests.diagnosis.sick import adam, norm, window

AUTO, COSINE = {"name": "autoclip"}, {"name": "cosine", "warm_up": 20}

HELD_OUT_HEALTHY: tuple[SetUp, ...] = (
    held("", 501, "chaos steps=30 ahead=2", "gru", 33, adamw(5e-3), 400),
    held("", 502, "characters steps=40", "lstm", 96, adam(5e-3), embedding=24, clip=norm(1.0)),
    held("", 503, "read_aloud digits=2", "lstm", 64, adam(1e-2), 600, clip=norm(1.0)),
    held("", 504, "flip_flop steps=40 pulses=0.1", "gru", 29, rmsprop(3e-3), 400),
    held("", 505, "digits size=16", "rnn", 61, momentum(0.02), 400, 64),
    held("", 506, "by_hand neighbours 18", "lstm", 21, adam(1e-2), 400, both_ways=True),
    held("", 507, "by_hand mean 25", "gru", 17, momentum(0.05), layers=2, clip=norm(0.5)),
    held("", 508, "by_hand majority 15", "relu", 32, adam(3e-3), layers=2, told=True),
    held("", 509, "video frames=12 visible=8", "mingru", 40, adam(1e-2)),
    held("", 510, "glimpses steps=8", "lru", 48, adam(3e-3), 400),
    held("", 511, "digits order=row permuted=true", "residual", 50, adam(3e-3), 400, 16),
    held("", 512, "flip_flop steps=60 pulses=0.2", "gru", 32, adam(1e-2), 600, bptt=window(20, 20), bias_every=50),
    held("", 513, "glimpses steps=10", "lstm", 35, adam(1e-2), 400, layers=3, clip=AUTO, schedule=COSINE),
    held("", 514, "delayed_recall delay=6 symbols=3", "gru", 7, adam(5e-3), 1500),
    held("", 515, "by_hand first 10", "lstm", 45, adam(1e-2), 800, forget=1.0, told=True),
    held("", 516, "digits order=row", "gru", 128, adam(5e-3), 60, record=3),
)
