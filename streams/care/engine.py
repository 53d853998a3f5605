"""Everything that is kept and decided about one customer beside journeys: asks, cases, promises, offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.care.asking import Asking
from streams.care.askrules import offer_rules
from streams.care.case_meant import meant, named
from streams.care.case_merging import merged
from streams.care.cases import PREFIX, Cases
from streams.care.conditions import offered
from streams.care.promises import BROKEN, Promises
from streams.care.said import Out, Said
from streams.care.sightings import Sightings
from streams.care.state import SCHEDULED, Ask, Care
from streams.config.structs import Config
from streams.effects import Nominee
from streams.units import DAY, HOUR

LONGEST_TALK = {"call": 4 * HOUR, "chat": 24 * HOUR}
"""A conversation of which no end is heard is over after this."""
LONGEST_COMPLAINT = 30 * DAY
_MOST_COMPLAINTS = 32
COMPLAINT, SETTLED = "complaint.received", "complaint.resolved"
_TALKS = frozenset(f"{kind}.{what}" for kind in LONGEST_TALK for what in ("started", "ended"))


class Engine:
    """The rules of one file about customers. Times are UTC epoch microseconds."""

    def __init__(self, config: Config) -> None:
        self._asking = Asking(config)
        self._cases = Cases(config)
        self._promises = Promises(config)
        self._offers = offer_rules(config)
        self._sightings = Sightings(config)
        types = {*self._asking.types(), *self._cases.types(), *self._promises.types(), *self._sightings.types()}
        for offer in self._offers.values():
            types |= offer.on.types
        if self._asking.rules:
            types |= {*_TALKS, COMPLAINT, SETTLED}
        self.types = frozenset(types)
        """Event types that may change anything."""

    # Events

    def refusal(self, care: Care, said: Said) -> tuple[str, str] | None:
        """Why an event cannot be taken as things stand: a reason and a sentence. None where it can."""
        return self._cases.refusal(care, said) if said.kind.startswith(PREFIX) else None

    def take(self, care: Care, said: Said, out: Out) -> None:
        """An event of the customer takes effect."""
        kind = said.kind
        case = _about(care, said)
        self._promises.take(care, said, out)
        self._sightings.take(said, out)
        took = self._cases.take(care, said, out)
        if case is None and kind == "case.opened" and care.cases:
            case = care.cases[-1].id
        if kind in _TALKS:
            about, what = kind.split(".")
            if what == "started":
                care.talks[about] = said.effective + LONGEST_TALK[about]
            else:
                care.talks.pop(about, None)
        elif kind == COMPLAINT and not took:
            waiting = [*care.complaints, (said.cause, said.effective + LONGEST_COMPLAINT)]
            care.complaints = waiting[-_MOST_COMPLAINTS:]
        elif kind == SETTLED:
            care.complaints = []
        self._asking.take(care, said, out, case)
        for offer in self._offers.values():
            n = offered(offer, care, said)
            if n is not None:
                data = {"because": [said.cause], "offer": offer.name, "count": n}
                out.decide("offer.made", offer.name, offer.name, said.subject, said.cause, said.effective, data)
                out.count("offer_made", offer.name)

    # Timers

    def next_due(self, care: Care) -> int | None:
        """The earliest moment at which anything has to happen by itself."""
        dues = [self._asking.next_due(care), self._cases.next_due(care), self._promises.next_due(care)]
        dues += [*care.talks.values(), *(until for _, until in care.complaints)]
        return min((due for due in dues if due is not None), default=None)

    def fire(self, care: Care, subject: str, traits: Mapping[str, Any], now: int, out: Out) -> None:
        """Whatever is due by now happens; problems end first, asks come last."""
        for source, name, data, time in self._promises.fire(care, subject, now, out):
            # A broken promise is something that happens to a customer, as if somebody had told us.
            self.take(care, Said(BROKEN, subject, source, name, data, traits, time, time), out)
        self._cases.fire(care, subject, now, out)
        care.talks = {about: until for about, until in care.talks.items() if until > now}
        care.complaints = [(cause, until) for cause, until in care.complaints if until > now]
        self._asking.settle(care, traits, now)
        self._asking.fire(care, subject, traits, now, out)

    def settle(self, care: Care, traits: Mapping[str, Any], now: int) -> None:
        """Something has changed otherwise than by an event: what waited for it is due again."""
        self._asking.settle(care, traits, now)

    def judged(
        self,
        care: Care,
        subject: str,
        traits: Mapping[str, Any],
        nominee: Nominee,
        now: int,
        out: Out,
        *,
        allowed: bool,
    ) -> None:
        """What the quota of a rule says to its nominee; nothing where it is gone.

        Timers before `now` have fired.
        """
        self._asking.judged(care, subject, traits, nominee, now, out, allowed=allowed)

    # Merging

    @staticmethod
    def absorb(gone: Care, survivor: Care) -> None:
        """Two customers are one: everything moves; of two asks of a rule the later due time holds."""
        for ask in gone.asks:
            _join(survivor, ask)
        survivor.nominees = [*survivor.nominees, *gone.nominees]
        survivor.asked = sorted([*survivor.asked, *gone.asked], key=lambda asked: (asked.time, asked.request))
        survivor.cases = merged([*survivor.cases, *gone.cases])
        for about, until in gone.talks.items():
            survivor.talks[about] = max(until, survivor.talks.get(about, until))
        survivor.complaints = [*survivor.complaints, *gone.complaints][-_MOST_COMPLAINTS:]
        for key, watch in gone.watches.items():
            mine = survivor.watches.get(key)
            if mine is None:
                survivor.watches[key] = watch
                continue
            mine.times = sorted([*mine.times, *watch.times])
            mine.seen = [max([*mine.seen, *watch.seen])] if mine.seen or watch.seen else []
            mine.done = mine.done or watch.done
            mine.early = mine.early or watch.early
            mine.until = max((until for until in (mine.until, watch.until) if until is not None), default=None)
        survivor.promises = sorted([*survivor.promises, *gone.promises], key=lambda given: (given.due, given.cause))
        survivor.last_channel = survivor.last_channel or gone.last_channel


def _about(care: Care, said: Said) -> str | None:
    """The case that an event is about, also one of another system that is not known here."""
    if not said.kind.startswith(PREFIX):
        return None
    case = meant(care.cases, said)
    return named(said) if case is None else case.id


def _join(survivor: Care, ask: Ask) -> None:
    mine = next((other for other in survivor.asks if other.rule == ask.rule), None)
    if mine is None:
        survivor.asks = [*survivor.asks, ask]
        return
    # What holds one of them back holds both: the stricter gate wins.
    mine.cancelled = mine.cancelled or ask.cancelled
    mine.excluded = mine.excluded or ask.excluded
    mine.met = tuple(sorted({*mine.met, *ask.met}))
    mine.barred = (*mine.barred, *(name for name in ask.barred if name not in mine.barred))
    mine.problems = max(mine.problems, ask.problems)
    mine.case = mine.case or ask.case
    if mine.phase == SCHEDULED and ask.phase != SCHEDULED:
        mine.phase, mine.due, mine.until = ask.phase, ask.due, ask.until
    elif mine.due is not None and ask.due is not None and ask.due > mine.due:
        mine.due, mine.scheduled, mine.phase, mine.drawn = ask.due, ask.scheduled, ask.phase, ask.drawn
