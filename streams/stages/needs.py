"""What a batch asks for: the states it may touch that are not in memory. It is read once, for this and for applying."""

from __future__ import annotations

from collections.abc import Sequence

from streams.model import Record
from streams.stages.reading import NEVER_BEFORE, Prepared, Reader, Reading
from streams.stages.residents import Residents
from streams.stages.verdicts import JUDGED, verdicts_of
from streams.stages.waiting import Arrived, Waiting, WaitingRoom, waiting_parcel


class Needs:
    """The next batch of a partition, as far as it has been looked at."""

    def __init__(self, reader: Reader, residents: Residents, room: WaitingRoom) -> None:
        self._reader = reader
        self._residents = residents
        self._room = room
        self._prepared: tuple[Sequence[Record], Reading] | None = None
        self._asked: set[str] | None = None
        """What has been asked for, for the prepared batch; None when all of it has to be looked through."""

    def void(self) -> None:
        """Other rules hold: what was read under the old ones no longer counts."""
        self._prepared = None

    def look_again(self) -> None:
        """States have left memory."""
        self._asked = None

    def of(self, batch: Sequence[Record], watermark: int | None, lateness: int) -> set[str]:
        """Keys of states that it may touch and that are not in memory; times in microseconds."""
        residents = self._residents
        wanted: set[str] = set()
        if self._prepared is None or self._prepared[0] is not batch:
            self._prepared = (batch, self._reader.take_all(batch))
        elif self._asked is not None:
            # Nothing but what was asked for has come: only where it leads on to can be missing now.
            for key in self._asked:
                residents.want_key(key, wanted)
            self._asked = wanted
            return wanted
        self._asked = wanted
        entries, highest, others = self._prepared[1]
        parcels: list[Waiting] = []
        for entry in others:
            if isinstance(entry, Arrived):
                parcels.append(waiting_parcel(entry))
            elif entry.event.type == JUDGED:
                judged = verdicts_of(entry.event)
                for nominee in (*judged.allowed, *judged.refused):
                    residents.want_key(nominee.subject, wanted)
        reach = watermark
        if highest != NEVER_BEFORE and (reach is None or highest - lateness > reach):
            reach = highest - lateness
        if reach is None:
            return wanted
        # What comes later than that only waits: its customer is asked for when it is due to be applied.
        residents.want([entry for entry in entries if type(entry) is tuple and entry[0] < reach], wanted)
        residents.want(self._room.before(reach), wanted)
        residents.want(parcels, wanted)
        residents.want_due(reach, wanted)
        return wanted

    def read(self, batch: Sequence[Record]) -> list[Prepared]:
        """The batch as it is applied; nothing is kept of it here."""
        prepared, self._prepared = self._prepared, None
        reading = prepared[1] if prepared is not None and prepared[0] is batch else self._reader.take_all(batch)
        return reading.entries
