"""An event as the rules about customers take it, what they know besides, and how they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from streams.care.arms import Learnt
from streams.decisions import decision_id
from streams.effects import Decision, Nominee, Sighting


class Said(NamedTuple):
    """An event of one customer, at the moment it takes effect."""

    kind: str
    """Its type."""
    subject: str
    """The customer, as merges have left it."""
    source: str
    id: str
    data: Mapping[str, Any]
    traits: Mapping[str, Any]
    """The customer's, this event's included."""
    time: int
    """Its own time, UTC epoch microseconds."""
    effective: int
    """When it takes effect: its own time, or later where it came late."""

    @property
    def cause(self) -> str:
        """`source/id`."""
        return f"{self.source}/{self.id}"


class Out:
    """Where decisions and counts go."""

    __slots__ = ("_count", "_decide", "learnt", "nominate", "sight", "standing")

    def __init__(
        self,
        decide: Callable[[Decision], None],
        count: Callable[[str, str, str, int], None],
        nominate: Callable[[Nominee], None] | None = None,
        sight: Callable[[Sighting], None] | None = None,
    ) -> None:
        self._decide = decide
        self._count = count
        self.nominate = nominate
        """Lets an ask compete for a place in its rule's quota; None where quotas are not decided."""
        self.sight = sight
        """Takes what a cluster counts; None where nobody looks for clusters."""
        self.standing: frozenset[str] = frozenset()
        """Rules under `feedback` whose `when` holds now."""
        self.learnt = Learnt()
        """What rules that learn have learnt."""

    def decide(
        self, type_: str, rule: str, fingerprint: str, subject: str, cause: str, time: int, data: dict[str, Any]
    ) -> Decision:
        """A record `touchline.TYPE`; `fingerprint` tells decisions of one rule, cause and time apart.

        `data` follows `rule` and must begin with `because`.
        """
        type_ = f"touchline.{type_}"
        made = Decision(
            decision_id(type_, fingerprint, subject, cause, time), type_, time, subject, {"rule": rule, **data}
        )
        self._decide(made)
        return made

    def count(self, what: str, rule: str, detail: str = "", total: int = 0) -> None:
        """One more of these, with an amount (such as microseconds) that adds up."""
        self._count(what, rule, detail, total)
