"""kill -9 under load, again and again: nothing acknowledged is lost, and no effect is lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.streams.runtime import victim
from tests.streams.runtime.reference import log_of, stored, undisturbed
from tests.streams.runtime.shop import shop

ROOT = Path(__file__).parents[3]
SHOP = shop()
LEAD = 10
"""Pieces that a service may be ahead of what was heard of it."""


class Victims:
    """One data file and the services that die over it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.acknowledged: dict[int, bytes] = {}
        """Log offset -> body, of everything a sender was told is safe."""
        self.sent = 0
        """Events acknowledged; a sender goes on from here."""
        self.bodies = victim.arrivals()

    def live(self, *, kill_after: int | None = None, die_at: int = 0) -> int:
        """Run one to its end or death; returns its exit code. `kill_after` counts acknowledgements."""
        most = 0 if kill_after is None else kill_after + LEAD
        numbers = (str(number) for number in (self.sent, die_at, most))
        command = [sys.executable, "-m", "tests.streams.runtime.victim", str(self.path), *numbers]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ)
        assert process.stdout is not None
        for heard, line in enumerate(process.stdout, 1):
            if not line.endswith("\n"):
                break
            start, end, offset = map(int, line.split())
            self.acknowledged.update(enumerate(self.bodies[start:end], offset))
            self.sent = end
            if heard == kill_after:
                process.send_signal(signal.SIGKILL)
        process.stdout.close()
        return process.wait()

    def check(self) -> None:
        log = log_of(self.path)
        bodies = {record.offset: record.body for record in log}
        assert {offset: bodies[offset] for offset in self.acknowledged} == self.acknowledged
        found = stored(self.path, {SHOP.hash: SHOP})
        assert found == undisturbed(log, SHOP)
        # What was stored but not acknowledged was sent again, and found to be a duplicate; time passed all the same.
        heard = [record for record in log if record.internal or record.offset in self.acknowledged]
        expected = undisturbed(heard, SHOP)
        assert found.totals.door.accepted == expected.totals.door.accepted


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_acknowledgements_nothing_is_lost_or_doubled(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    victims = Victims(tmp_path / "shop.db")
    deaths = 0
    while victims.sent < len(victims.bodies) and deaths < 12:
        deaths += victims.live(kill_after=rng.randrange(1, 25)) == -signal.SIGKILL
    assert deaths >= 5
    assert victims.live() == 0
    victims.check()


@pytest.mark.slow
def test_killed_inside_transactions_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    rng = random.Random(7)
    victims = Victims(tmp_path / "shop.db")
    deaths = 0
    while victims.sent < len(victims.bodies) and deaths < 12:
        deaths += victims.live(die_at=rng.randrange(1, 250)) == -signal.SIGKILL
    assert deaths >= 5
    assert victims.live() == 0
    victims.check()
