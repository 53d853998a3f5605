"""Thompson's shares are what the posteriors say, the same on every run."""

from __future__ import annotations

import numpy as np
import pytest

from streams.stages.thompson import PULLS, best_shares


def by_integration(seen: dict[str, tuple[int, int]], best: str) -> float:
    """P(this arm's rate is the largest) under uniform priors, on a fine grid."""
    grid = np.linspace(0, 1, 200_001)[1:-1]

    def density(asked: int, answered: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        logs = answered * np.log(grid) + (asked - answered) * np.log1p(-grid)
        made = np.exp(logs - logs.max())
        return np.asarray(made / made.sum())

    whole = density(*seen[best])
    for arm, counts in seen.items():
        if arm != best:
            whole = whole * np.cumsum(density(*counts))
    return float(whole.sum())


@pytest.mark.parametrize(
    "seen",
    [
        {"email": (0, 0), "sms": (0, 0)},
        {"email": (100, 5), "sms": (100, 8), "phone": (100, 12)},
        {"email": (4_000, 200), "sms": (900, 60), "phone": (40, 3)},
        {"email": (300_000, 15_000), "sms": (2_000, 102)},
    ],
)
def test_they_are_the_integral_of_the_posteriors(seen: dict[str, tuple[int, int]]) -> None:
    shares = best_shares(seen, 7)
    for arm in seen:
        expected = by_integration(seen, arm)
        error = (expected * (1 - expected) / PULLS) ** 0.5
        assert abs(shares[arm] / 1e6 - expected) < 4 * error + 1e-3


def test_the_seed_is_all_the_chance_there_is() -> None:
    seen = {"email": (100, 9), "sms": (80, 8)}
    assert best_shares(seen, 1) == best_shares(seen, 1)
    assert len({best_shares(seen, seed)["sms"] for seed in range(20)}) > 1


def test_nearly_the_same_counts_give_nearly_the_same_shares() -> None:
    before, after = (best_shares({"email": (1_000, 90), "sms": (800, 80 + more)}, 1)["sms"] for more in (0, 1))
    assert 0 <= after - before < 60_000
