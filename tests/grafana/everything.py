"""A service that shows something of everything, for what a shop without receivers, promises or letters cannot show."""

from __future__ import annotations

import msgspec

from streams.runtime.care_metrics import COUNTED
from streams.runtime.service import Internals, ReceiverHealth
from streams.view import FiredCount, SignalSegmentView
from tests.streams.runtime import alarm_views
from tests.streams.runtime.memory_service import MemoryService
from tests.streams.runtime.test_metrics import full
from tests.streams.runtime.views import KNOWN, journey, segment, signal

_PLACES = {
    "feedback_withheld": ("fatigue", "open_case"),
    "feedback_scored": ("hour", "day"),
    "answered": ("promoter", "passive", "detractor"),
    "followed": ("detractor",),
    "case_closed": ("resolved",),
}


class Everything(MemoryService):
    """As `full`, its signals in a journey, its counts named as people name them, and a case that is open."""

    def __init__(self, opened: int) -> None:
        """`opened`: when that case was opened, UTC epoch microseconds."""
        super().__init__()
        example = full()
        self.opened = opened
        self.looks = 0
        self.journey_views = [journey(segments=[segment("device", "mobile"), segment("device", "other")])]
        self.signal_views = [
            msgspec.structs.replace(signal(kind), kind=kind, journey="purchase", windows={"5m": KNOWN})
            for kind in ("interaction", "perception", "outcome")
        ]
        split = [SignalSegmentView("device", "mobile", {"1h": KNOWN})]
        self.signal_views.append(signal("split", segments=split))
        self.alarm_view = msgspec.structs.replace(
            alarm_views.alarms(alarm_views.alert()), fired=[FiredCount("purchase", "checkout", "conversion", "down", 1)]
        )
        self.watermark = example.watermark
        self.receivers = (ReceiverHealth("ops", "slack", "failing", 3, 90.5, "HTTP 500", 7, 2, 1),)
        care = {
            f"{what}\0nps\0{detail}": [2, 3_000_000] for what in COUNTED for detail in _PLACES.get(what, ("email",))
        }
        self.kept = Internals(
            invalid={"no_id": 2},
            dead_letters={"no_id": 1},
            dropped_dead_letters={"no_id": 1},
            types={"cart.updated": 7, "change.deployed": 1},
            sources={"shop": 7},
            decisions={"touchline.signal.breached": 1},
            latency=example.kept.latency,
            care=care,
            learning=example.kept.learning,
            dimensions=1,
        )

    def internals(self) -> Internals:
        """Two more of everything at every look: what only grows is shown as what it has grown by."""
        self.looks += 1
        care = {key: [count * self.looks, total * self.looks] for key, (count, total) in self.kept.care.items()}
        return msgspec.structs.replace(self.kept, care=care)

    async def oldest_cases(self) -> dict[str, int]:
        return {"nps": self.opened}
