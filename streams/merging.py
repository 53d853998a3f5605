"""Two customers turn out to be one: what moves, what is refused (exactness rule 12, within one partition)."""

from __future__ import annotations

from collections.abc import Callable

from streams.care.state import Care
from streams.customer import Customer
from streams.journeys import SEPARATOR, Walk
from streams.rules import Rules
from streams.seen import WIDTH

Find = Callable[[str], Customer | None]
BOTH_IDENTIFIED = (
    "merge_both_identified",
    "customer.merged: both ids were identified as customers of their own; data.force: true merges them anyway",
)


def resolve(key: str, find: Find) -> str:
    """Follow forwarding addresses to the id that lives. They form no ring: a merge that would close one is refused.

    However long the chain: to stop short of its end would hand events to an id that has ended.
    """
    while (customer := find(key)) is not None and customer.into is not None:
        key = customer.into
    return key


def refusal(ending: str, into: str, force: bool, find: Find) -> tuple[str, str] | None:
    """Why `ending` must not be merged into `into` (both resolved): a reason and a sentence, or None."""
    if ending == into:
        return "merge_cycle", "customer.merged: data.into leads back to the subject; expected another customer's id"
    gone, survivor = find(ending), find(into)
    if gone is not None and survivor is not None and gone.identified and survivor.identified and not force:
        return BOTH_IDENTIFIED
    return None


def absorb(gone: Customer, survivor: Customer, walk: Walk, rules: Rules) -> None:
    """Move everything the ending customer had to the survivor; instances of one journey and key become one."""
    for key, instance in gone.instances.items():
        rule = rules.journeys.get(key.split(SEPARATOR, 1)[0])
        if rule is None or instance.step not in rule.index:
            continue
        staying = survivor.instances.get(key)
        survivor.instances[key] = instance if staying is None else walk.merge(rule, instance, staying)
    survivor.traits = {**gone.traits, **survivor.traits}
    survivor.identified = survivor.identified or gone.identified
    for name, session in gone.sessions.items():
        other = survivor.sessions.get(name)
        if other is None:
            survivor.sessions[name] = session
        else:
            other.first = min(other.first, session.first)
            other.last = max(other.last, session.last)
            other.due = max(other.due, session.due)
    if gone.care is not None:
        if survivor.care is None:
            survivor.care = Care()
        rules.care.absorb(gone.care, survivor.care)
    _join_seen(gone, survivor)


def _join_seen(gone: Customer, survivor: Customer) -> None:
    """Ids of both stay found for at least their 24 h: the newer generation keeps the later start."""
    if gone.seen_since > survivor.seen_since:
        survivor.seen_since = gone.seen_since
    survivor.seen = _union(survivor.seen, gone.seen)
    survivor.seen_before = _union(survivor.seen_before, gone.seen_before)


def _union(ids: bytes, more: bytes) -> bytes:
    known = {ids[at : at + WIDTH] for at in range(0, len(ids), WIDTH)}
    return ids + b"".join(
        more[at : at + WIDTH] for at in range(0, len(more), WIDTH) if more[at : at + WIDTH] not in known
    )
