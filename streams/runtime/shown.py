"""What is shown now, made once a second for all who look with the same rights: whole, and as what changed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec

from streams.runtime.access import Role
from streams.runtime.patch import json_patch
from streams.runtime.redaction import alarms_for, journeys_for, signals_for
from streams.runtime.service import Health, Service
from streams.view import AlarmsView, JourneyView, SignalView

RESOLVED_SHOWN = 50
"""Alerts that are over in a view, the newest; `GET /api/v1/alerts` has all that are kept."""
KEPT = 5
"""Views that are kept: a client as far behind still gets what changed, one further behind a whole view."""
GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Begins a stream of gzip; what `compressed` makes may follow in any order."""
_LEVEL = 3
_encode = msgspec.json.Encoder().encode


class ShownNow(msgspec.Struct, frozen=True):
    """The data of a `view` event."""

    journeys: Sequence[JourneyView]
    signals: Sequence[SignalView]
    alarms: AlarmsView | None
    health: Health


class Portion:
    """Part of the stream, as text and by gzip: compressed when the first asks, for all."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._zipped: bytes | None = None

    @property
    def zipped(self) -> bytes:
        if self._zipped is None:
            self._zipped = compressed(self.text)
        return self._zipped


class Shown:
    """What one circle of clients sees. Each `advance` is one number further than the one before."""

    def __init__(self, service: Service, role: Role) -> None:
        self._service = service
        self._role = role
        self._kept: dict[int, ShownNow] = {}
        """By number, the latest last."""
        self._whole: Portion | None = None
        self._changes: dict[int, Portion] = {}
        """From each number to the latest."""
        self.number = 0

    @property
    def empty(self) -> bool:
        """Nothing was made yet, or all of it let go."""
        return not self._kept

    def advance(self) -> None:
        """See what is shown now; raises what the service raises, and keeps what it had then."""
        now = ShownNow(
            journeys_for(self._role, self._service.journeys()),
            signals_for(self._role, self._service.signals()),
            alarms_for(self._role, _shortened(self._service.alarms())),
            self._service.health(),
        )
        self.number += 1
        self._kept[self.number] = now
        self._kept.pop(self.number - KEPT, None)
        self._whole, self._changes = None, {}

    def let_go(self) -> None:
        """Nobody looks any more."""
        self._kept, self._whole, self._changes = {}, None, {}

    def whole(self) -> Portion:
        """The event `view`; after the first `advance`."""
        if self._whole is None:
            self._whole = Portion(b"event: view\ndata: %b\n\n" % _encode(self._kept[self.number]))
        return self._whole

    def since(self, number: int | None) -> Portion:
        """The event `change` for one who has what was shown at `number`, else `view`."""
        if number is None or number not in self._kept:
            return self.whole()
        if number not in self._changes:
            patch = json_patch(self._kept[number], self._kept[self.number])
            self._changes[number] = Portion(b"event: change\ndata: %b\n\n" % patch)
        return self._changes[number]


def compressed(text: bytes) -> bytes:
    """Deflate blocks that refer to nothing outside them, so that one copy serves every connection."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH)


def _shortened(alarms: AlarmsView | None) -> AlarmsView | None:
    """Without the older ones of the alerts that are over: a view is sent every second."""
    if alarms is None:
        return None
    over = [alert for alert in alarms.alerts if alert.state == "resolved"]
    if len(over) <= RESOLVED_SHOWN:
        return alarms
    live = [alert for alert in alarms.alerts if alert.state != "resolved"]
    return msgspec.structs.replace(alarms, alerts=[*live, *over[:RESOLVED_SHOWN]])
