"""Learning the channel: answers won and lost over ten thousand asks, against the best channel and against none.

    python -m benchmarks.bandit [--asks 10000] [--days 90] [--seeds 2]

Customers answer mails with 5 %, calls with 8 % and messages with 12 %, half of them within hours, some after days. Each
ask goes through both stages as in `touchline replay`; whether it is answered is a hash of seed and customer alone, so
that every policy meets the same customers. *Regret* is the number of answers less than if every ask had gone by the
best channel, in expectation: the true rates of the channels used, summed up. In the second part the rates of mails and
messages are swapped half-way.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from heapq import heappop, heappush
from statistics import mean, stdev
from typing import Any

from benchmarks.result import write
from connectors.row import Row
from streams.care.chance import fraction
from streams.config.load import load_text
from streams.model import Event
from streams.runtime.replay import Replay
from streams.units import DAY, HOUR, format_time, parse_time

START = parse_time("2026-01-01T00:00:00Z")
RATES = {"email": 0.05, "phone": 0.08, "sms": 0.12}
SWAPPED = {"email": 0.12, "phone": 0.08, "sms": 0.05}
FILE = """
version: 1
allowed_lateness: 0s
feedback:
  csat: {{ask: csat, after: order.delivered, channels: [email, phone, sms]{learn}}}
"""
POLICIES = {
    "evenly": ", learn: {channel: true, explore: 100%}",
    "explore 10 %, over 30d": ", learn: {channel: true}",
    "explore 5 %, over 90d": ", learn: {channel: true, explore: 5%, over: 90d}",
    "explore 10 %, over 90d": ", learn: {channel: true, over: 90d}",
    "explore 20 %, over 90d": ", learn: {channel: true, explore: 20%, over: 90d}",
    "explore 10 %, over 90d, within 1d": ", learn: {channel: true, within: 1d, over: 90d}",
    "explore 10 %, over 14d": ", learn: {channel: true, over: 14d}",
}
"""The second is what a rule has that says nothing more than `learn: {channel: true}`."""
WORLDS = {
    "steady": (
        "evenly",
        "explore 10 %, over 30d",
        "explore 5 %, over 90d",
        "explore 10 %, over 90d",
        "explore 20 %, over 90d",
        "explore 10 %, over 90d, within 1d",
    ),
    "swapped half-way": (
        "evenly",
        "explore 10 %, over 30d",
        "explore 10 %, over 90d",
        "explore 20 %, over 90d",
        "explore 10 %, over 14d",
    ),
}

Rate = Callable[[int, str], float]
"""Time and channel -> how likely an ask is answered."""


def delay(name: str) -> int:
    """How long an answer takes: log-uniform from minutes to six days, microseconds."""
    return int(6 * DAY * 1500 ** (fraction("delay", name) - 1))


def asks_of(learn: str, asks: int, days: int, rate: Rate, seed: int) -> list[tuple[int, str]]:
    """Time and channel of each ask, in order."""
    replay = Replay(load_text(FILE.format(learn=learn), "bandit.yml"))
    coming: list[tuple[int, str, Event]] = []
    for number in range(asks):
        time = START + number * days * DAY // asks
        name = f"c-{seed}-{number}"
        heappush(coming, (time, name, _event("order.delivered", name, time, {})))
    told = 0
    for hour in range(24 * days):
        now = []
        while coming and coming[0][0] < START + (hour + 1) * HOUR:
            time, _, event = heappop(coming)
            now.append(Row(event, time))
        for letters in replay.feed(now):
            assert not letters
        for ask in replay.decisions[told:]:
            if fraction("answer", ask.subject) < rate(ask.time, ask.data["channel"]):
                time = max(ask.time + delay(ask.subject), START + (hour + 1) * HOUR)
                data = {"metric": "csat", "score": 5, "request": ask.data["request"]}
                heappush(coming, (time, ask.id, _event("survey.answered", ask.subject, time, data)))
        told = len(replay.decisions)
    replay.finish()
    return [(ask.time, ask.data["channel"]) for ask in replay.decisions]


def _event(kind: str, subject: str, time: int, data: dict[str, Any]) -> Event:
    return Event(id=f"{kind}-{subject}", source="bench", type=kind, subject=subject, time=format_time(time), data=data)


def measure(learn: str, asks: int, days: int, rate: Rate, seeds: int) -> dict[str, float]:
    """Regret of a policy, and how it used the channels towards the end."""
    regrets, late = [], []
    for seed in range(seeds):
        made = asks_of(learn, asks, days, rate, seed)
        best = [max(rate(time, channel) for channel in RATES) for time, _ in made]
        used = [rate(time, channel) for time, channel in made]
        regrets.append(sum(best) - sum(used))
        late.append(mean(rate >= top for rate, top in zip(used[-asks // 5 :], best[-asks // 5 :], strict=True)))
    return {
        "regret": round(mean(regrets), 1),
        "regret_stdev": round(stdev(regrets), 1) if seeds > 1 else 0.0,
        "best_share_last_fifth": round(mean(late), 3),
    }


def main(argv: list[str] | None = None) -> int:
    """Print the table and write `benchmarks/results/bandit.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--asks", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--dry", action="store_true", help="print only")
    args = parser.parse_args(argv)
    half = START + args.days * DAY // 2
    worlds: dict[str, Rate] = {
        "steady": lambda _, channel: RATES[channel],
        "swapped half-way": lambda time, channel: (RATES if time < half else SWAPPED)[channel],
    }
    figures: dict[str, Any] = {"asks": args.asks, "days": args.days, "seeds": args.seeds, "rates": RATES}
    for world, rate in worlds.items():
        figures[world] = {}
        for policy in WORLDS[world]:
            found = figures[world][policy] = measure(POLICIES[policy], args.asks, args.days, rate, args.seeds)
            sys.stdout.write(
                f"{world:17} {policy:33} regret {found['regret']:6.1f} ± {found['regret_stdev']:5.1f}"
                f"  best in the last fifth {found['best_share_last_fifth']:.0%}\n"
            )
            sys.stdout.flush()
    if not args.dry:
        write("bandit", figures)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
