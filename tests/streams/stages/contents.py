"""Random content for SignalStage, spread over partitions and declared in many ways."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from streams.config.load import Loaded, load_text
from streams.effects import Decision, DoorCounts, Entered, Mark, Measured, Outcome, Partial, SourceSeen
from streams.histogram import bucket
from streams.stages.signal import SignalStage

START = 1_767_225_600
"""Tick of 2026-01-01T00:00:00Z."""
DAY = 86_400

FILE = """
version: 1
segments: [device, {region: [kyiv]}]
journeys:
  purchase:
    owner: shop
    value: amount
    steps:
      - {name: cart, on: cart.updated, expect: {conversion: ">= 60%", over: 30m}}
      - {name: gift, on: gift.added, within: 20s, optional: true}
      - {name: paid, on: order.completed, within: 45s}
signals:
  nps: {on: survey.answered, where: {metric: nps}, min_n: 5, expect: {value: ">= 20", over: 20m}}
  handle: {on: call.ended, value: duration_s, min_n: 5, expect: {p90: "<= 100", value: "<= 80", over: 10m}}
  calls: {on: call.started, min_n: 3, expect: {value: "<= 3", over: 1000s}}
"""

LOADED = load_text(FILE, "test.yml")

OFFICE = load_text(
    FILE.replace("within: 45s}", "within: 45s, calendar: office}")
    + """
calendars:
  office: {open: {thu: [["00:05", "00:30"], ["00:33", "01:00"], ["02:00", "24:00"]], fri: ["09:00", "18:00"]}}
""",
    "office.yml",
)
"""The same with a step whose time stands still now and then."""

Item = Entered | Outcome | Mark | Measured
Content = list[tuple[int, Item]]
"""What happened, by tick, ascending."""

_REGIONS = ["kyiv", "lviv", "other", "unknown"]


def cell(random_: random.Random) -> tuple[str, str]:
    """A device of many and a region."""
    return f"d{random_.randrange(30)}" if random_.random() < 0.3 else "mobile", random_.choice(_REGIONS)


def content(seed: int, size: int = 60) -> Content:
    """Some hours of traffic in good and bad phases, with pauses, now and then a week of silence."""
    random_ = random.Random(seed)
    tick = START + random_.randrange(1000)
    items: Content = []
    good = True
    for _ in range(size):
        if random_.random() < 0.6:
            tick += random_.choice([1, 1, 2, 5, 30, 61, 400]) if random_.random() < 0.98 else 8 * DAY
        if random_.random() < 0.03:
            good = not good
        items.append((tick, _item(random_, tick, good)))
    return items


def _item(random_: random.Random, tick: int, good: bool) -> Item:
    step = random_.choice(["cart", "gift", "paid"])
    kind = random_.randrange(6)
    if kind == 0:
        late = random_.choice([0, 0, 0, 3, 100])
        count = random_.choice([1, 5, 40])
        return Entered("purchase", step, cell(random_), count, count * 1_500_000, late)
    if kind == 1:
        before = tick - random_.choice([0, 1, 10, 40, 90])
        counts = [random_.choice([0, 1, 30 if good else 1]) for _ in range(4)]
        return Outcome("purchase", step, cell(random_), before, counts[0], counts[1], counts[2], counts[3], 10**6)
    if kind == 2:
        return Mark("purchase", step, 1, 2, 3)
    if kind == 3:
        n = random_.choice([1, 8])
        top = random_.randint(n // 2, n) if good else random_.randint(0, n // 2)
        return Measured("nps", cell(random_), n, n * 8 * 10**6, 0, n * 64 * 10**12, top, n - top, {})
    if kind == 4:
        n = random_.choice([1, 8])
        value = random_.choice([10, 60, 90] if good else [60, 200])
        square = n * (value * 10**6) ** 2
        return Measured(
            "handle", cell(random_), n, n * value * 10**6, square >> 62, square & ((1 << 62) - 1), 0, 0,
            {bucket(value): n},
        )  # fmt: skip
    n = 1 if good else random_.choice([1, 60])
    return Measured("calls", cell(random_), n, 0, 0, 0, 0, 0, {})


def partials(items: Content, until: int, seed: int, partitions: int, file: str) -> list[list[Partial]]:
    """The content dealt to partitions; empty ticks declared in ranges cut anywhere."""
    random_ = random.Random(seed)
    dealt: list[dict[int, list[Item]]] = [{} for _ in range(partitions)]
    for tick, item in items:
        dealt[random_.randrange(partitions)].setdefault(tick, []).append(item)
    result = []
    for partition, ticks in enumerate(dealt):
        declared = items[0][0] - random_.randrange(1, 50)
        made: list[Partial] = []
        for last in [*sorted(ticks), until]:
            while declared < last and random_.random() < 0.4:
                cut = random_.randint(declared + 1, last)
                if cut == last:
                    break
                made.append(_partial(partition, len(made), declared + 1, cut, [], file))
                declared = cut
            if declared < last:
                made.append(_partial(partition, len(made), declared + 1, last, ticks.get(last, []), file))
                declared = last
        result.append(made)
    return result


def _partial(partition: int, sequence: int, first: int, tick: int, items: Sequence[Item], file: str) -> Partial:
    n = len(items)
    return Partial(
        partition,
        sequence,
        first,
        tick,
        file,
        DoorCounts(read=n, accepted=n),
        tuple(item for item in items if isinstance(item, Entered)),
        tuple(item for item in items if isinstance(item, Outcome)),
        tuple(item for item in items if isinstance(item, Mark)),
        tuple(item for item in items if isinstance(item, Measured)),
        (SourceSeen("shop", n, tick * 10**6, tick * 10**6, 0),) if n else (),
        (),
        {"some.thing": n} if n else {},
    )


def interleaved(queues: list[list[Partial]], seed: int) -> list[Partial]:
    """Any order of arrival that keeps each partition's own."""
    random_ = random.Random(seed)
    rest = [list(reversed(queue)) for queue in queues if queue]
    arrived = []
    while rest:
        queue = random_.choice(rest)
        arrived.append(queue.pop())
        rest = [queue for queue in rest if queue]
    return arrived


def feed(stage: SignalStage, arrived: Sequence[Partial]) -> list[Decision]:
    """Process all; each partial travels as bytes, as it does between processes."""
    decisions: list[Decision] = []
    for partial in arrived:
        decisions += stage.process(_DECODE(_ENCODE(partial)))
    return decisions


def stage(partitions: int = 1, loaded: Loaded = LOADED) -> SignalStage:
    """A new stage of the test's file."""
    return SignalStage(loaded.config, loaded.hash, partitions=partitions)


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(Partial).decode
