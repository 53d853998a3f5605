"""What is kept of one customer beside journeys: asks that wait, asks that left, cases, conversations, complaints.

All times are UTC epoch microseconds. Everything is plain data, stored with the customer's state.
"""

from __future__ import annotations

import msgspec

# Cases

OPEN, ASSIGNED, CONTACTED, RESOLVED, COMMUNICATED, CLOSED = range(6)
STATES = ("open", "assigned", "contacted", "resolved", "communicated", "closed")
MOST_CLOSED = 16
"""Closed cases remembered per customer, the latest; they can be reopened and are not asked about twice."""


class Case(msgspec.Struct, array_like=True):
    """One case of one customer."""

    id: str
    rule: str
    """Name under `cases:`, or `external` for one that another system opened."""
    state: int
    """Index into STATES."""
    owner: str | None
    cause: str
    """`source/id` of the event that opened it."""
    opened: int
    since: int
    """Its clocks run from here: opening, or the last reopening."""
    warn: int | None
    """When the owner is reminded; None: done, or not needed any more."""
    breach: int | None
    """When it is too late; None: done, or not needed any more."""
    due: int
    """`due_at`: when the customer must have been contacted at the latest."""
    priority: float = 0.0
    joined: int = 0
    """Further events of the same rule that joined it."""
    informed: bool = False
    """The customer was told, at least once since the last opening."""
    asked: bool = False
    """Feedback was asked about it: never again."""
    answer: str = ""
    """`METRIC/CLASS` of the answer that opened it, such as `nps/detractor`; empty for anything else."""
    score: float | None = None
    """Of that answer."""
    closed: int | None = None
    incomplete: bool = False
    """Closed by another system without cause, disposition or word to the customer."""
    root_cause: str | None = None
    disposition: str | None = None
    contacted: int | None = None
    """First contact since `since`."""
    worth: float = 0.0
    """What the customer is worth times the risk of losing them, when it was opened; within `priority`."""
    unfollowed: dict[str, int] = {}
    """`METRIC/CLASS` -> answers that opened or joined it and that no contact has followed yet."""
    resurveyed: bool = False
    """After it was closed, the customer gave another answer to the metric of `answer`."""
    exposed: float = 0.0
    """People an hour who meet the same as long as nobody has looked after it."""


# Asks

SCHEDULED, QUIET, PROBLEM, REQUIREMENT = range(4)
"""Why an ask waits: for its time; for the end of quiet hours; for a problem to end; for an experience."""


class Drawn(msgspec.Struct, frozen=True, array_like=True):
    """What was drawn for an ask of a rule that learns."""

    arm: str
    share: int
    """With what chance, in millionths."""
    explored: bool
    """It was drawn evenly, not by what was learnt."""


class Ask(msgspec.Struct, array_like=True):
    """An ask that waits."""

    rule: str
    metric: str
    cause: str
    """`source/id` of the latest event that made it due."""
    since: int
    """Effective time of the first such event: experiences, exclusions and cancellations count from there."""
    scheduled: int
    """`scheduled_for`: its due time before any quiet-hours move."""
    due: int | None
    """Its timer; None while it waits for something to happen."""
    phase: int = SCHEDULED
    attempt: int = 1
    """Due times so far, this one included."""
    problems: int = 0
    """How often a problem has held it back."""
    met: tuple[int, ...] = ()
    """Which of the rule's `requires` have been seen."""
    cancelled: bool = False
    excluded: bool = False
    barred: tuple[str, ...] = ()
    """Channels that `channel_rules` exclude."""
    case: str | None = None
    """The case whose event caused it."""
    until: int | None = None
    """When it expires without the experience it waits for."""
    channel: str | None = None
    """Of a nominee: the channel its gates found."""
    drawn: dict[str, Drawn] = {}
    """`channel`, `wait` or `time` -> what was drawn, where the rule learns it."""


class Asked(msgspec.Struct, array_like=True):
    """An ask that left, ours or another tool's."""

    time: int
    metric: str
    request: str
    """Id of our record; `source/id` of another tool's event."""
    rule: str = ""
    """Empty for another tool's."""
    channel: str = ""
    case: bool = False
    """A case's CES: it does not start the clock `any`."""
    answered: bool = False
    arms: tuple[str, ...] = ()
    """`WHAT=ARM` of what was drawn for it, as long as the answer counts for them."""
    until: int | None = None
    """When it counts for its arms, as answered or not; None: it did, or has none."""


class Watch(msgspec.Struct, array_like=True):
    """How far a rule's condition has come for this customer."""

    times: list[int] = []
    """Of the events that count so far."""
    seen: list[int] = []
    """Of the events that must be absent."""
    until: int | None = None
    """`then` is awaited until here."""
    cause: str = ""
    done: bool = False
    """Offered, and only once."""
    early: Ask | None = None
    """While `then` is awaited: what has been seen since the `after` event, for the ask to come."""


class Given(msgspec.Struct, array_like=True):
    """A promise that is neither kept nor broken yet."""

    promise: str
    by: str
    """Value of the promise's `by`; empty without one."""
    cause: str
    due: int


class Care(msgspec.Struct, array_like=True):
    """All of it for one customer."""

    asks: list[Ask] = []
    asked: list[Asked] = []
    """In order of time; older than a year they are forgotten."""
    cases: list[Case] = []
    """In order of opening."""
    talks: dict[str, int] = {}
    """`call` or `chat` -> when a conversation that was begun is taken for over."""
    complaints: list[tuple[str, int]] = []
    """Complaints that no case rule took: `source/id`, when they are taken for settled."""
    watches: dict[str, Watch] = {}
    """`feedback/RULE` or `offers/NAME` -> how far."""
    last_channel: str = ""
    """The channel last answered on."""
    promises: list[Given] = []
    """In the order in which they were given."""
    nominees: list[Ask] = []
    """Asks that wait for their rule's quota; as long as there are any no other ask is judged."""

    def empty(self) -> bool:
        """Whether nothing would be lost."""
        return self == _NOTHING


_NOTHING = Care()
