"""ZClip against the published recurrence."""

import math

import numpy as np
import pytest

from gradlab.training.clipping import ZClip
from tests.training.clipping.cases import parameters


def published(norms: list[float], decay: float, score: float, warm_up: int) -> list[float]:
    """Norms after clipping, by the paper's algorithm written out on numbers."""
    after = list(norms[:warm_up])
    mean, variance = float(np.mean(after)), float(np.var(after))
    for norm in norms[warm_up:]:
        z = (norm - mean) / (math.sqrt(variance) + 1e-6)
        clipped = mean + score**2 / z * math.sqrt(variance) if z > score else norm
        after.append(clipped)
        mean = decay * mean + (1 - decay) * clipped
        variance = decay * variance + (1 - decay) * (clipped - mean) ** 2
    return after


@pytest.mark.parametrize(("decay", "score", "warm_up"), [(0.97, 2.5, 25), (0.5, 1.0, 3)])
def test_it_is_the_published_recurrence(decay: float, score: float, warm_up: int) -> None:
    random = np.random.default_rng(0)
    norms = np.exp(random.normal(0, 0.3, 200))
    norms[[40, 90, 91, 150]] *= [30, 1e3, 1e6, 8]
    clip = ZClip(decay, score, warm_up)
    reports = [clip(parameters(float(norm))) for norm in norms]
    before = [report.norm_before for report in reports]
    assert [report.norm_after for report in reports] == pytest.approx(
        published(before, decay, score, warm_up), rel=1e-12
    )
    assert all(reports[step].fired for step in (40, 90, 91, 150))
    assert not any(report.fired for report in reports[:warm_up])


def test_a_broken_norm_does_not_poison_the_averages() -> None:
    clip = ZClip(warm_up=2)
    for norm in (1.0, 2.0, math.nan, math.inf):
        clip(parameters(norm))
    assert clip.state()["mean"] == pytest.approx(1.5, rel=1e-6)


def test_equal_norms_and_then_a_larger_one() -> None:
    clip = ZClip(warm_up=3)
    for _ in range(3):
        clip(parameters(1.0))
    report = clip(parameters(50.0))
    assert report.fired and report.norm_after == pytest.approx(1.0, rel=1e-6)


def test_after_nothing_but_zeros_nothing_is_clipped_to_zero() -> None:
    clip = ZClip(warm_up=2)
    for _ in range(2):
        clip(parameters(0.0))
    assert not clip(parameters(5.0)).fired


def test_settings_must_make_sense() -> None:
    with pytest.raises(ValueError, match=r"a positive warm-up, got 0\.97, 2\.5 and 0"):
        ZClip(warm_up=0)
